"""The house rules as tests: what spec and README promise about the code is looked up in the code."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from carecoord.domain.gates.rules import RULES
from carecoord.settings import FIELDS, PREFIX

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("auth", "fhir_adapters", "carecoord")
EMPTY_NAMES = {"utils", "helpers", "common", "misc", "base", "manager", "service", "core", "constants"}
README = (ROOT / "README.md").read_text()

LONGEST_FILE = 300  # lines that are not blank
LONGEST_FUNCTION = 50
EXCUSED_FILES: dict[str, str] = {}
EXCUSED_FUNCTIONS: dict[str, str] = {}


def sources() -> list[Path]:
    """Every module of ours but the generated migrations."""
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in found if "versions" not in path.parts]


@cache
def parsed(path: Path) -> ast.Module:
    """A module as a tree, read once for all rules."""
    return ast.parse(path.read_text())


@pytest.fixture(scope="module", autouse=True)
def _forgotten() -> Iterator[None]:
    """All trees, which are millions of objects, only as long as the rules are looked at."""
    yield
    parsed.cache_clear()


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a module: `file:name` and its length in lines."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{named(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_long() -> None:
    lengths = {named(path): sum(bool(line.strip()) for line in path.read_text().splitlines()) for path in sources()}
    long = {name for name, length in lengths.items() if length > LONGEST_FILE}
    assert long == set(EXCUSED_FILES)


def test_no_function_is_long() -> None:
    long = {name for path in sources() for name, length in functions(path) if length > LONGEST_FUNCTION}
    assert long == set(EXCUSED_FUNCTIONS)


def test_every_module_has_a_name_that_says_something() -> None:
    assert [named(path) for path in sources() if path.stem in EMPTY_NAMES] == []


MOST_MODULES = 16
# A ruling, a signing key, the framing of a page; FHIR's $everything; what goes out.
NOUNS_IN_ING = {"ruling", "signing", "framing", "scheduling", "everything", "outgoing"}


def test_no_folder_holds_more_modules_than_a_reader_can_survey() -> None:
    folders = Counter(path.parent for path in sources() if not path.stem.startswith("__"))
    assert {named(folder): count for folder, count in folders.items() if count > MOST_MODULES} == {}


def test_no_module_is_named_by_a_gerund() -> None:
    parts = {part for path in sources() for part in path.relative_to(ROOT).with_suffix("").parts}
    assert {part for part in parts if part.endswith("ing")} - NOUNS_IN_ING == set()


def public_names(path: Path) -> Iterator[str]:
    """What a module offers: functions and classes that nothing registers by a decorator, and constants."""
    for node in parsed(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.decorator_list:
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


# The entry points that are named outside our sources: Makefile, pyproject, granian, and who reads along.
ENTRIES = {"create", "main"}


def test_no_public_name_is_without_a_reader() -> None:
    texts = [path.read_text() for path in sources()]
    texts += [path.read_text() for path in (ROOT / "carecoord").rglob("*.html")]
    readers = Counter(word for text in texts for word in re.findall(r"\w+", text))
    unread = {
        f"{named(path)}:{name}"
        for path in sources()
        for name in public_names(path)
        if not name.startswith("_") and readers[name] < 2 and name not in ENTRIES
    }
    assert unread == set()


def test_what_to_open_for_what_is_there() -> None:
    told = (ROOT / "carecoord" / "docs" / "where.md").read_text()
    paths = re.findall(r"`((?:auth|carecoord|fhir_adapters|tests)/[\w/.]+)`", told)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in sources() if ast.get_docstring(parsed(path)) is None]
    assert [named(path) for path in silent if path.stem != "__init__"] == []


def test_every_rule_that_the_domain_names_is_in_the_list_of_rules_and_none_is_made_by_joining() -> None:
    listed = {id for ids in RULES.values() for id in ids}
    gates = "|".join(RULES)
    whole, joined = re.compile(rf"({gates})\.[a-z][a-z-]*"), re.compile(rf'f"({gates})\.{{')
    for path in sorted((ROOT / "carecoord").rglob("*.py")):
        if joined.search(path.read_text()):
            raise AssertionError(f"{named(path)}: write a rule's id out, or take it from domain/rules.py")
        said = {node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant)}
        ids = {each for each in said if isinstance(each, str) and whole.fullmatch(each)}
        assert ids <= listed, f"{named(path)}: write {sorted(ids - listed)} into carecoord/domain/rules.py"


def test_every_rule_of_the_list_is_given_by_some_rule_of_the_domain() -> None:
    paths = (path for path in (ROOT / "carecoord" / "domain").rglob("*.py") if path.stem not in ("rules", "payer_view"))
    said = {node.value for path in paths for node in ast.walk(parsed(path))
            if isinstance(node, ast.Constant)}  # fmt: skip
    unsaid = {id for ids in RULES.values() for id in ids if not {id, id.partition(".")[2]} & said}
    assert unsaid == set()


EXCUSED_WORDS = {  # modules of the rules with words in them -> why they stand there
    "agreements/clauses.py": "words of papers, to be read",
    "agreements/states.py": "what a refused write is told, as every refusal of the API",
    "apps/brands.py": "the endpoint's name in a published bundle",
    "contacts/acts.py": "the text of a resource that we write",
    "care_plans/measures.py": "the names of codes, as their publisher writes them",
    "care_plans/units.py": "units, as people write them",
    "coverage/gate.py": "words of payers, to be read",
    "imports/agreements.py": "the headings and words of others' tables, to be read, and the text of a resource",
    "imports/cells.py": "words of others' tables, to be read",
    "imports/clinicians.py": "the headings of others' tables, to be read",
    "imports/exclusions.py": "the headings of others' tables, to be read",
    "imports/codes.py": "the headings of others' tables, to be read",
    "setup/sample.py": "the text of resources that we write",
    "terms/places_of_service.py": "the words of a code system, as its publisher writes them",
    "terms/vocabularies.py": "the names of code systems",
    "imports/published/nppes.py": "the headings of others' tables, to be read",
    "imports/published/plan_net.py": "the words of a reference that leads out of the file, in a resource",
    "imports/published/in_network.py": "the words of a published layout, to be read",
    "imports/people.py": "the headings of others' tables, to be read",
    "imports/rates.py": "the headings and words of others' tables, to be read",
    "imports/rosters.py": "the headings and words of others' tables, to be read",
    "imports/organizations.py": "the headings of others' tables, to be read",
    "imports/plans.py": "the headings of others' tables, to be read",
    "imports/rules.py": "the headings and words of others' tables, to be read",
    "agreements/desk/approvals.py": "the text of a resource that we write",
    "agreements/desk/certificates.py": "the text of a resource that we write",
    "documents/intake.py": "the text of a resource that we write",
    "documents/kinds.py": "the text of a resource that we write",
    "documents/suggestions.py": "words of letters, to be read",
    "messages/acts.py": "the text of a resource that we write",
    "policies/shipped.py": "lengths of time, as policies write them",
    "prior_auth/review_action.py": "words of payers, to be read",
    "prior_auth/crd/services.py": "what a program is told of a service, as every answer of the API",
    "prior_auth/dtr/package.py": "what a partner's program is told, as every answer of the API",
    "prior_auth/pas/outgoing.py": "the text of a resource that we write",
    "prior_auth/pas/request.py": "what a partner's program is told, as every refusal of the API",
    "prior_auth/desk/second_look.py": "the text of a resource that we write",
    "prior_auth/states.py": "what a refused write is told, as every refusal of the API",
    "prior_auth/units.py": "words of payers, to be read",
    "referrals/acts.py": "the text of a resource that we write",
    "referrals/referral.py": "the name of a service that has none, in the row's column of names",
    "referrals/stages.py": "words of partners, to be read",
    "referrals/states.py": "what a refused write is told, as every refusal of the API",
    "resource/patient.py": "words of EHRs for the record number, to be read",
    "scheduling/states.py": "what a refused write is told, as every refusal of the API",
    "worklist/acts.py": "the text of a resource that we write",
    "worklist/row.py": "the name of a patient who has none, in the row's column of names",
}
SPOKEN = re.compile(r"[A-Za-z]{2,}[,:;.]? +[A-Za-z{]")  # two words, one after the other


def literals(path: Path) -> Iterator[ast.Constant]:
    """The texts of a module that are neither its documentation nor the message of an error."""
    tree = parsed(path)
    beside = {id(node) for error in ast.walk(tree) if isinstance(error, ast.Raise) for node in ast.walk(error)}
    beside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in beside:
            yield node


def test_no_rule_has_words_for_people_they_stand_in_the_catalogue() -> None:
    domain = ROOT / "carecoord" / "domain"
    found = {
        path.relative_to(domain).as_posix(): f"line {node.lineno}: {node.value!r}"
        for path in domain.rglob("*.py")
        for node in literals(path)
        if SPOKEN.search(node.value)
    }
    spoken = {name: where for name, where in found.items() if name not in EXCUSED_WORDS}
    assert spoken == {}, "say sentence('a.key', of=what) and write its words into carecoord/words/en and es"
    assert set(EXCUSED_WORDS) <= set(found), "what needs no excuse any more loses it"


ROLES = {"coordinator", "clinician", "supervisor", "payer", "medical-director", "contracts", "auditor", "admin"}
TABLES_OF_ROLES = {"carecoord/domain/access/verbs.py", "carecoord/domain/access/roles.py"}
_NAMED = "|".join(sorted(ROLES))
ASKED_IN_A_TEMPLATE = re.compile(rf"""roles[^}}%]*["'](?:{_NAMED})["']""")


def texts_in(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def roles_named(path: Path) -> Iterator[int]:
    """The lines that name a role where the tables should be asked: roles compared with or joined to one, a set or
    several in a row of nothing but roles. A gate's `who`, a row's `role` and the party that is called name whose move
    it is, not what somebody may do, and have types of their own."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Compare | ast.BinOp):
            asked = re.search(r"\broles\b", ast.unparse(node)) and ROLES & texts_in(node)
        elif isinstance(node, ast.Set | ast.List | ast.Tuple):
            several = isinstance(node, ast.Set) or len(node.elts) > 1
            asked = several and all(isinstance(each, ast.Constant) and each.value in ROLES for each in node.elts)
        else:
            continue
        if asked:
            yield node.lineno


def test_nobody_asks_for_a_role_by_its_name_outside_the_tables_of_roles() -> None:
    ours = (path for path in sources() if named(path) not in TABLES_OF_ROLES)
    found = {f"{named(path)}:{line}" for path in ours for line in roles_named(path)}
    templates = (ROOT / "carecoord" / "web" / "templates").glob("*.html")
    found |= {named(path) for path in templates if ASKED_IN_A_TEMPLATE.search(path.read_text())}
    assert found == set(), "ask verbs.may(roles, verb) or verbs.holders(verb)"


def test_nothing_is_left_for_later_in_comments() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [named(path) for path in sources() if marks.search(path.read_text())] == []


def test_no_registry_is_named_in_the_repository() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "proxy.golang" + ".org"]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    files = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    assert [named(path) for path in files if any(host.encode() in path.read_bytes() for host in hosts)] == []


def test_the_readme_lists_every_setting_as_it_is() -> None:
    rows = re.findall(rf"^\| `({PREFIX}\w+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    source = (ROOT / "carecoord" / "settings.py").read_text()
    said = dict(re.findall(r"^    (\w+): \w+ = .*?  # (.*)$", source, re.MULTILINE))
    wanted = []
    for field in FIELDS:
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        wanted.append((f"{PREFIX}{field.name.upper()}", f"`{default}`" if default else "empty", said[field.name]))
    assert rows == wanted


def rooms(package: str) -> set[str]:
    """The modules and packages right inside a package."""
    inside = (ROOT / package).iterdir()
    found = {path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").exists()}
    return {name for name in found if not name.startswith("_")}


def test_the_picture_of_the_architecture_shows_every_room_and_no_other() -> None:
    picture = README.split("<!-- architecture -->")[1]
    shown = set(re.findall(r"^([a-z_.]+)  ", picture, re.MULTILINE))
    inner = {f"carecoord.{name}" for name in rooms("carecoord")}
    assert shown == {"auth", "fhir_adapters"} | inner


def test_the_order_of_the_rungs_in_the_readme_is_the_one_that_is_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rungs = next(contract["layers"] for contract in settings if contract.get("containers") == ["carecoord"])
    names = [rung.replace(" ", "").split("|") for rung in reversed(rungs)]
    picture = README.split("<!-- architecture -->")[1]
    order = re.findall(r"^carecoord\.(\w+)", picture, re.MULTILINE)
    positions = [[order.index(name) for name in rung] for rung in names]
    assert all(max(one) < min(other) for one, other in pairwise(positions))


def test_both_commands_of_the_readme_are_there() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "test", "help", "bench", "lint", "fixtures", "clean"} <= set(targets)
    assert "make demo" in README
    assert "make test" in README


RECORDS = sorted((ROOT / "carecoord" / "docs" / "decisions").glob("*.md"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_decision_record_is_half_a_page(record: Path) -> None:
    text = record.read_text()
    assert all(part in text for part in ("Status:", "**Context.**", "**Decision.**", "**Consequences.**"))
    assert len(text.splitlines()) <= 40
