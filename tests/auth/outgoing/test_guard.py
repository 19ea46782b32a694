"""Issue 3, SSRF: what we call by an address that somebody gave us never leads into our own network."""

import ipaddress
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import requests

from auth.outgoing import guard
from carecoord.actions.server import outgoing
from carecoord.app import world as make_world
from carecoord.errors import Invalid
from carecoord.settings import BadSetting, Settings, load
from carecoord.world import World

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


@contextmanager
def listening(say: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[tuple[int, list[bytes]]]:
    """A server on a real socket: its port, and what it was asked. It answers each connection by `say`."""
    heard: list[bytes] = []
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((host, 0))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                    with line:
                        heard.append(line.recv(65536))
                        say(line)
                except OSError:
                    return

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def good(line: socket.socket) -> None:
    line.sendall(ANSWER)


def certified(folder: Path, whom: str) -> tuple[Callable[[socket.socket], None], Path, list[str | None]]:
    """What answers a connection by TLS with a certificate of its own for `whom` alone, such as `DNS:localhost`; the
    certificate; and the names that it was asked for."""
    key, certificate, asked = folder / "key.pem", folder / "certificate.pem", list[str | None]()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=ehr", "-addext", f"subjectAltName={whom}"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda line, name, _: asked.append(name)

    def say(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as secured:
            host = next(each for each in secured.recv(65536).split(b"\r\n") if each.lower().startswith(b"host:"))
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(host), host))

    return say, certificate, asked


@contextmanager
def listening_by_tls(say: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on a real socket that reads nothing before TLS stands: its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                line, _ = server.accept()
                with line:
                    say(line)
            except OSError:  # who called did not like the certificate
                return

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
    thread.join(5)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
        "0", "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    ],
)  # fmt: skip
def test_loopback_is_not_called_however_it_is_written(host: str) -> None:
    with listening(good) as (port, heard), guard.session() as session:
        with pytest.raises(requests.RequestException) as refused:
            session.get(f"http://{host}:{port}/", timeout=5)
        assert isinstance(refused.value, guard.Forbidden)
    assert heard == []


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254", "2852039166", "0xa9fea9fe",
        "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "localhost.",
        "10.0.0.1", "192.168.0.1", "172.31.255.255", "100.64.0.1", "[::1]", "[fe80::1]", "[fc00::1]", "[2002:a00:1::]",
        "[::127.0.0.1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "224.0.0.1", "255.255.255.255", "a.localhost",
    ],
)  # fmt: skip
def test_an_address_of_our_own_network_is_refused_when_it_is_given(host: str) -> None:
    with pytest.raises(Invalid, match="CARECOORD_PRIVATE_HOSTS"):
        outgoing.demand(Settings(), f"https://{host}/fhir")


@pytest.mark.parametrize("host", ["93.184.216.34", "[2606:2800:220:1::1]", "ehr.example", "ehr.internal"])
def test_a_public_address_is_taken_and_a_name_is_judged_when_it_is_called(host: str) -> None:
    outgoing.demand(Settings(), f"https://{host}/fhir")


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.0/8", "localhost", "10.0.0.0/8, localhost", "LocalHost."])
def test_what_the_settings_allow_is_called(name: str) -> None:
    host = "127.0.0.1" if name[0] == "1" and "l" not in name else "localhost"
    with listening(good) as (port, _), outgoing.session(Settings(private_hosts=name)) as session:
        assert session.get(f"http://{host}:{port}/", timeout=5).text == "ok"


def test_an_allowed_name_allows_no_other_name_of_the_same_machine() -> None:
    with listening(good) as (port, heard), guard.session(("localhost",)) as session, pytest.raises(guard.Forbidden):
        session.get(f"http://127.0.0.1:{port}/", timeout=5)
    assert heard == []


def test_a_redirect_into_our_network_is_not_followed() -> None:
    """Neither by the session, nor by one who follows it by hand: the second address is judged like the first."""
    with listening(good, "127.0.0.2") as (inner, heard):
        away = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:{inner}/\r\nContent-Length: 0\r\n\r\n".encode()
        only = (ipaddress.ip_network("127.0.0.1/32"),)
        with listening(lambda line: line.sendall(away)) as (port, _), guard.session(only) as session:
            answer = session.get(f"http://127.0.0.1:{port}/", timeout=5)
            assert answer.status_code == 302
            to = answer.headers["Location"]
            with pytest.raises(guard.Forbidden):
                session.get(to, timeout=5, allow_redirects=False)
    assert heard == []


def test_a_name_that_answers_differently_the_second_time_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the connection goes to the address that was judged; the name is not looked up again."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: str, *rest: object, **more: object) -> object:
        if host != "rebinding.example":
            return real(host, *rest, **more)  # type: ignore[arg-type]
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    called: list[object] = []

    def connect(address: tuple[str, int], *rest: object, **more: object) -> socket.socket:
        called.append(address[0])
        raise OSError("no network in this test")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with guard.session() as session, pytest.raises(requests.ConnectionError):
        session.get("http://rebinding.example/", timeout=1)
    assert (asked, called) == (["rebinding.example"], ["93.184.216.34"])


def test_tls_asks_for_the_name_and_holds_the_certificate_against_it(tmp_path: Path) -> None:
    """RFC 9110 4.3.4: who answers is proven for the name of the address that was asked for."""
    say, certificate, asked = certified(tmp_path, "DNS:localhost")
    with listening_by_tls(say) as port, guard.session(("localhost",)) as session:
        session.verify = str(certificate)
        assert session.get(f"https://localhost:{port}/", timeout=5).text == f"Host: localhost:{port}"
    assert asked == ["localhost"]


def test_a_certificate_of_the_address_alone_does_not_stand_for_the_name(tmp_path: Path) -> None:
    """Who can answer a name with an address of their own, for which anybody may get a certificate, is not believed."""
    say, certificate, _ = certified(tmp_path, "IP:127.0.0.1")
    with listening_by_tls(say) as port, guard.session(("localhost",)) as session:
        session.verify = str(certificate)
        with pytest.raises(requests.exceptions.SSLError, match="Hostname mismatch"):
            session.get(f"https://localhost:{port}/", timeout=5)


@pytest.mark.parametrize("url", ["http://good.example@127.0.0.1/", "http://u:p@93.184.216.34/"])
def test_an_address_with_a_user_in_it_is_not_called(url: str) -> None:
    with guard.session((LOOPBACK,)) as session, pytest.raises(guard.Forbidden, match="user name"):
        session.get(url, timeout=1)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:6379/_x"])
def test_only_http_is_spoken(url: str) -> None:
    with guard.session((LOOPBACK,)) as session, pytest.raises(requests.exceptions.InvalidSchema):
        session.get(url, timeout=1)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look names up where we do not see it, and reach what we may not."""
    with listening(good) as (port, heard), guard.session() as session:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        with pytest.raises(guard.Forbidden):
            session.get("http://10.0.0.1/", timeout=1)
    assert heard == []


def test_an_answer_whose_headers_never_end_is_cut_off() -> None:
    """Each byte comes within the socket's own limit of 0.2 s; the whole would take for ever."""

    def drip(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(200):
            line.sendall(b"X")
            time.sleep(0.05)

    with listening(drip) as (port, _), guard.session((LOOPBACK,)) as session, pytest.raises(requests.RequestException):
        session.get(f"http://127.0.0.1:{port}/", timeout=0.2)


def test_the_world_of_the_application_calls_only_what_its_settings_allow(tmp_path: Path) -> None:
    """EHRs, sign-in providers, key sets: all of them go through World.http."""
    with listening(good) as (port, heard):
        url = f"http://127.0.0.1:{port}/"
        strict = make_world(Settings(var=str(tmp_path)))
        with strict.http() as session, pytest.raises(guard.Forbidden, match="CARECOORD_PRIVATE_HOSTS"):
            session.get(url, timeout=5)
        assert heard == []
        allowing: World = make_world(Settings(var=str(tmp_path), private_hosts="127.0.0.1"))
        with allowing.http() as session:
            assert session.get(url, timeout=5).ok


def test_it_trusts_the_certificates_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/own-authority.pem")
    with make_world(Settings(var=str(tmp_path))).http() as session:
        assert session.verify == "/etc/own-authority.pem"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://ehr.internal", "no scheme"), ("ehr.internal:8080", "no scheme, port"), ("*.internal", "wildcard"),
        ("10.0.0.1/8", "did you mean 10.0.0.0/8"), ("10.0.0.0/33", "is none"), ("999.1.1.1", "is none"),
        ("2130706433", "is none"), ("0.0.0.0/0", "every address"), ("::/0", "every address"), ("a b", "is none"),
    ],
)  # fmt: skip
def test_nonsense_among_the_private_hosts_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        load({"CARECOORD_PRIVATE_HOSTS": f"ehr.example, {text}"})


def test_the_private_hosts_are_networks_addresses_and_names() -> None:
    allowed = load({"CARECOORD_PRIVATE_HOSTS": " 10.0.0.0/8,ehr.Internal., 192.168.1.7 ,[fd00::1],fd00::/8,"}).allowed
    assert [str(one) for one in allowed] == ["10.0.0.0/8", "ehr.internal", "192.168.1.7/32", "fd00::1/128", "fd00::/8"]
