"""Documents that come by themselves: by a watched folder, and by a mailbox on a real IMAP server with TLS. Each is
filed once, whatever dies between; what can not be kept lies aside with the reason; it waits to be indexed."""

import base64
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from imapclient import IMAPClient
from sqlalchemy import select

from carecoord.actions.documents.drops import folders, intake, letters, mailboxes
from carecoord.cli import check
from carecoord.errors import Unavailable
from carecoord.fhir import text as json
from carecoord.settings import BadSetting, load
from carecoord.store.database.engine import reading
from carecoord.store.database.jobs import waiting
from carecoord.store.database.tables import resource
from carecoord.worker import loop
from carecoord.world import World
from tests.desk.conftest import PEOPLE, House
from tests.desk.referrals.test_intake import LETTER
from tests.domain.documents.files import JPEG, TIFF, lettered
from tests.domain.prior_auth.x12.files import REMITTANCE
from tests.domain.prior_auth.x12.files import file as remittance

CLINIC = PEOPLE["coordinator"][2]
ELSEWHERE = lettered("Re: Okafor, Ngozi", "Referral to: Cardiology")


def paper(about: str) -> bytes:
    """A document that no other test has sent."""
    return lettered("Referral to: Cardiology", about)


def letter(*papers: tuple[str, bytes], text: str = "Please see the attached.") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "front@clinic.example", "intake@us.example", "Referral"
    message.set_content(text)
    for type, data in papers:
        main, sub = type.split("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename="Delgado, Marisol")
    return message


def documents(world: World) -> list[tuple[str, bytes]]:
    """The documents that wait: of which organization, and their bytes, in the order in which they came."""
    with reading(world.engine) as conn:
        found = select(resource.c.type, resource.c.body).where(resource.c.type.in_(("Task", "Binary"))).order_by("rid")
        held = [json.loads(row.body) for row in conn.execute(found)]
    files = {each["id"]: base64.b64decode(each["data"]) for each in held if each["resourceType"] == "Binary"}
    waits = [each for each in held if each["resourceType"] == "Task" and each["id"] in files]
    return [(each["owner"]["reference"], files[each["id"]]) for each in waits]


def lay(folder: Path, name: str, data: bytes) -> Path:
    """Put a file there that was last written to a minute ago."""
    path = folder / name
    path.write_bytes(data)
    os.utime(path, (time.time() - 60,) * 2)
    return path


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def watched(acting_house: House, tmp_path: Path) -> tuple[World, Path]:
    folder = tmp_path / "drop" / CLINIC
    folder.mkdir(parents=True)
    settings = replace(acting_house.world.settings, intake_folder=str(folder.parent))
    return replace(acting_house.world, settings=settings), folder


def test_each_file_of_a_folder_is_filed_once_and_waits_at_the_desk_and_what_can_not_be_kept_lies_aside(
    acting_house: House, watched: tuple[World, Path]
) -> None:
    world, folder = watched
    lay(folder, "1.pdf", LETTER)
    lay(folder, "2 the same.pdf", LETTER)
    lay(folder, "3.tif", TIFF)
    lay(folder, "4.eml", letter(("application/pdf", ELSEWHERE), ("image/jpeg", JPEG)).as_bytes())
    lay(folder, "5.pdf", b"MZ" + LETTER)
    lay(folder, "6.bin", b"%PDF-" + b"x" * world.settings.max_document)
    lay(folder, "7.pdf.part", LETTER[:100])
    (folder / "8.pdf").write_bytes(ELSEWHERE[:-20])  # is still being written
    (folder / "9.pdf").symlink_to("/etc/passwd")
    before = documents(world)
    intake.take_in(world, "folder")
    ours = f"Organization/{CLINIC}"
    assert documents(world)[len(before) :] == [(ours, LETTER), (ours, TIFF), (ours, ELSEWHERE), (ours, JPEG)]
    assert names(folder / "filed") == ["1.pdf", "2 the same.pdf", "3.tif", "4.eml"]
    assert names(folder / "refused") == ["5.pdf", "5.pdf.why", "6.bin", "6.bin.why"]
    assert "program" in (folder / "refused" / "5.pdf.why").read_text()
    assert "larger" in (folder / "refused" / "6.bin.why").read_text()
    assert names(folder) == ["7.pdf.part", "8.pdf", "9.pdf", "filed", "refused"]
    page = acting_house.enter("coordinator").get("/waiting?tab=document").get_data(as_text=True)
    assert len(re.findall(r'href="/referrals/new\?document=[\w-]+"[^>]*>[^<]*A document that came in', page)) == 4
    assert "A document that came in" not in acting_house.enter("outsider").get("/waiting").get_data(as_text=True)
    with pytest.raises(check.Wrong, match=r"2 files were refused, the first: .*5\.pdf"):
        check.intake_folder(world)
    lay(folder, "1.pdf", LETTER)  # it comes again by the same name
    intake.take_in(world, "folder")
    assert len(documents(world)) == len(before) + 4
    assert len(names(folder / "filed")) == 5


def test_a_payers_x12_file_in_the_folder_is_taken_in_as_one_and_waits_at_no_desk_of_documents(
    acting_house: House, watched: tuple[World, Path]
) -> None:
    world, folder = watched
    lay(folder, "november.835", remittance("835", REMITTANCE))
    lay(folder, "cut.835", remittance("835", REMITTANCE, control="000000906")[:-30])
    before = documents(world)
    intake.take_in(world, "folder")
    assert names(folder / "filed") == ["cut.835", "november.835"]
    assert documents(world) == before
    while loop.once(world):
        pass
    desk = acting_house.enter("coordinator")
    assert "FM-1001" in desk.get("/claims?tab=all").get_data(as_text=True)
    assert desk.get("/claims/files").get_data(as_text=True).count(".x12") == 2


def test_a_worker_killed_before_a_file_is_moved_neither_loses_nor_doubles_it(watched: tuple[World, Path]) -> None:
    world, folder = watched
    path = lay(folder, "1.pdf", paper("killed"))
    before = len(documents(world))
    world.engine.dispose()
    child = os.fork()
    if not child:  # the document is committed, the file not yet moved
        try:
            Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore
            intake.take_in(world, "folder")
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert path.exists()
    assert len(documents(world)) == before + 1
    intake.take_in(world, "folder")
    assert not path.exists()
    assert len(documents(world)) == before + 1


def test_a_folder_of_nobody_we_know_and_one_that_is_away_are_said_and_hold_no_other_up(
    watched: tuple[World, Path],
) -> None:
    world, folder = watched
    (folder.parent / "a-stranger").mkdir()
    lay(folder.parent / "a-stranger", "1.pdf", LETTER)
    lay(folder, "1.pdf", paper("beside"))
    before = len(documents(world))
    with pytest.raises(Unavailable, match="no Organization/a-stranger here"):
        intake.take_in(world, "folder")
    assert len(documents(world)) == before + 1
    away = replace(world, settings=replace(world.settings, intake_folder=str(folder / "nowhere")))
    for look in (lambda: intake.take_in(away, "folder"), lambda: check.intake_folder(away)):
        with pytest.raises(Unavailable, match="can not be read"):
            look()


def test_of_a_letter_its_attachments_are_documents_else_what_is_written_and_nothing_that_is_only_beside() -> None:
    both = letter(("application/pdf", LETTER), ("application/octet-stream", ELSEWHERE))
    both.add_attachment(b"BEGIN:VCARD", maintype="text", subtype="vcard", filename="me.vcf")
    assert letters.papers(both.as_bytes()) == [LETTER, ELSEWHERE]
    assert letters.papers(letter(text="Please see Marisol.").as_bytes()) == [b"Please see Marisol.\n"]
    nice = EmailMessage()
    nice.set_content("<p>Hello</p>", subtype="html")
    nice.add_related(JPEG, "image", "jpeg", cid="<logo>")
    assert letters.papers(nice.as_bytes()) == []
    within = EmailMessage()
    within.set_content("Forwarded")
    within.add_attachment(letter(("application/pdf", LETTER)))
    assert letters.papers(within.as_bytes()) == [LETTER]


def test_a_letter_that_can_not_be_read_is_put_aside_and_one_in_a_strange_charset_is_read_as_far_as_it_goes() -> None:
    """Of one at which the reader ended, the mailbox would be full for ever: it came again at each look."""
    strange = b"Content-Type: text/plain; charset=x-unheard-of\r\n\r\nPlease see Marisol \xe9.\r\n"
    assert letters.papers(strange) == ["Please see Marisol \ufffd.\r\n".encode()]
    within = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000))
    assert letters.papers(within) == []


@pytest.fixture(scope="module")
def post_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """An IMAP server with TLS: its port, and the certificate by which it is known."""
    folder = tmp_path_factory.mktemp("imap")
    name, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(name)],
        check=True, capture_output=True,
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("pymap"), "--host", "127.0.0.1", "--port", str(port), "--cert", name]
    more = ["--key", key, "--no-service", "managesieve", "--no-service", "admin", "dict", "--demo-user", "us"]
    server = subprocess.Popen([*command, *more, "--demo-password", "p@ss"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as look:
                if look.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, name
    finally:
        server.kill()
        server.wait()


def test_each_letter_of_a_mailbox_is_filed_once_and_what_can_not_be_kept_goes_aside_with_why(
    acting_house: House, post_office: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, known = post_office
    first, other, third = paper("first"), paper("other"), paper("third")
    address = f"{CLINIC}=imap://us:p%40ss@localhost:{port}/INBOX"
    world = replace(acting_house.world, settings=replace(acting_house.world.settings, intake_mail=address))
    with pytest.raises(Unavailable, match="can not be read: SSLCertVerificationError"):
        check.mailbox(world, CLINIC)
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    with mailboxes.opened(world, CLINIC) as server:
        for each in (
            letter(("application/pdf", first)), letter(("application/pdf", first), ("application/pdf", third)),
            letter(("application/pdf", other), ("application/zip", b"PK\x03\x04" + b"x" * 40)),
        ):  # fmt: skip
            server.append("INBOX", each.as_bytes())
    assert check.mailbox(world, CLINIC) == "3 letters wait"
    before = len(documents(world))
    move = mailboxes._move
    monkeypatch.setattr(mailboxes, "_move", lambda server, uid, to: (_ for _ in ()).throw(OSError("gone")))
    with pytest.raises(Unavailable):  # the first is filed, and not moved: the connection breaks
        intake.take_in(world, f"mail {CLINIC}")
    monkeypatch.setattr(mailboxes, "_move", move)
    intake.take_in(world, f"mail {CLINIC}")
    assert [data for _, data in documents(world)[before:]] == [first, third, other]
    with mailboxes.opened(world, CLINIC) as server:
        assert server.search("UNDELETED") == []
        assert filed_in(server, "Filed") == ["Referral", "Referral"]
        assert filed_in(server, "Refused") == ["Not filed", "Referral"]
    intake.order(world)
    intake.order(world)
    with reading(world.engine) as conn:
        assert list(waiting(conn, intake.JOB)) == [f"mail {CLINIC}"]
    wrong = replace(world.settings, intake_mail=address.replace("p%40ss", "other"))
    with pytest.raises(Unavailable) as refused:
        check.mailbox(replace(world, settings=wrong), CLINIC)
    assert "other" not in str(refused.value)


def filed_in(server: IMAPClient, folder: str) -> list[str]:
    server.select_folder(folder)
    found = server.fetch(server.search(), ["BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
    return [each[b"BODY[HEADER.FIELDS (SUBJECT)]"].decode().partition(":")[2].strip() for each in found.values()]


@pytest.mark.parametrize("address", [
    "imaps://us:secret@mail.example/INBOX", "clinic=https://us:secret@mail.example", "clinic=imaps://mail.example/INBOX",
    "clinic=imaps://us:secret@:x/INBOX",
])  # fmt: skip
def test_a_mailbox_that_can_not_be_meant_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(BadSetting, match="ORGANIZATION=imaps://user:password@host/INBOX") as refused:
        load({"CARECOORD_INTAKE_MAIL": address})
    assert "secret" not in str(refused.value)


def test_what_waits_long_is_told_by_check_with_its_folder(watched: tuple[World, Path]) -> None:
    world, folder = watched
    assert check.intake_folder(world).endswith("has 1 organizations")
    assert folders.aside(folder.parent, CLINIC) == []
