"""What was once released is never written again: a database that stands at a revision was made by its text."""

import hashlib
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, select, text

from auth import store
from auth.store import Token, User
from auth.tables import token, user
from carecoord.store.coverage import questions
from carecoord.store.database import schema
from carecoord.store.database.engine import migrate, open_engine, reading, writing
from carecoord.store.database.tables import case, outbox
from carecoord.store.worklist import rows
from carecoord.store.worklist.bitmaps import ahead
from tests.desk.rows import row
from tests.store.conftest import Store

VERSIONS = Path(schema.__file__).parents[1] / "migrations" / "versions"
WRITTEN = {  # number -> sha256 of what the migration does; a line is added when another migration comes after it
    "0001": "6e0341085e1d971ccfbcc2af6d3d9413daf20623b97e59c38cc6dc409afa4ca1",
    "0002": "ba60ab267e463c766362c397a2ef360c9c61c80844703662f004f15ef0baea72",
    "0003": "fcc65c986716384e02794d20ae290b7cef19ebf6644edb322a342580109d563a",
    "0004": "291fdfa781fa10070012b78d02f8641747e1ebb23c0be8fec0841158a12b36fb",
    "0005": "061893ffe9c23ece367d23f51c30f5973b07a262b79be07d9ad126206845025d",
    "0006": "97a4ffe39dd73aa2fdf29640433ed51e16d1a846492c23b0ac177053f3344bfb",
    "0007": "9b9edefeb1b31d83d3fd2604f2af0b3fccc24ce6e618b142f4e09e3158a142a7",
    "0008": "47ac60671e8213e6fdc558ea47072ea51e08d74f10722c3c08f8b20dcf00f4ad",
    "0009": "bccfca45ad4f15ffc54da657dd36fd662b44cd55468e00d4cb53f9a4c60a5eeb",
    "0010": "fbbc959c95146991c93e23131afbfb01180e848171aeda0b8497be49d8158913",
    "0011": "b50a3e4f5c1c104801c7797fa9ae18653a1ec3c1ec287fe2fd5884d9812d46b7",
    "0012": "3ddd79d0300ca41252480ca02ac0e72c4d1b26d6d321cbf1e4fa9c5a7a57f7f6",
    "0013": "b7cdf26e9a866cbd2507c57f489f55378da2d8ee13e2012e942e2185a11874c1",
    "0014": "f2d341ef00e3610d4823981b54ee2fe3f8f8a182b7553a730e2db26dff13b24a",
    "0015": "9ef17a26998f560db99ac23f21bc19cdbbb402abd127671d64b46109dc3b3062",
    "0016": "0c8cf2b8c9dec863a7068062b14d33c5be6a8c7bf3d6d14b876257030096d912",
    "0017": "4d5d705cf7fcc5721f623face4b48246a9d080776834c7d248db4016658853f2",
    "0018": "3f12eb573e88d1a145fd58ab89422ee30364a301158a496fceeceaba0c414ffd",
    "0019": "c5d2a24b471b297b8f0febd3b6db45207d1e440ee3cf01d1fd6f8f23b1856f30",
    "0020": "92d99ae48b78fea59bdb7c17e1beb3672e59ef1443be00df16d801b5e5f65561",
    "0021": "c8db41d9cfff0c53964835ac14fa55788945e55f2f94c7d1d13c321290a7ff3f",
    "0022": "080024942ef47ff608cd4872dceeb7b302ea6c860edd3df3cff7d509842ebf32",
    "0023": "de8b6f90a59c4d4c5418dd2e695cafc4bfb5786ff6c847a60b835c3e88652512",
    "0024": "5a3aa84278cf8acd8de7c46186c577e26906c66518d5d37b384d5b84c2b9bbcb",
    "0025": "4c67090df246389037cedf225ca950b232e2731fedc492274c183217d065630b",
    "0026": "408508c6474f91dda1aa5347e21fc1d0afbf360a7ff607bec3a8ad36c2ec609d",
    "0027": "38509c96db852c3fe31800d879de234f4b4a56025971923ad60caa59e1d0820f",
    "0028": "dca02c31ff48dbfee11cebd3d54c95061484bb425756841dcc70525a150e2638",
    "0029": "9b669629179afea227b306a0628b8f8421ec97119f76a6c51ec2b58974356436",
    "0030": "62d30da1c3e49bfab5c6f992220ace698e4f611d75b895d2b45a423f3b9e87b4",
    "0031": "cabb7284caad57035419e30dc0338bd1e6bcb59a6b4217260b83bb062b244204",
    "0032": "782484dec0e9d23689480d767ec83b851f4ef748b11e4702043fd90eae7c9ceb",
    "0033": "1f3d760cd01a440b1519c8c960f4b8d47228ce01306cd29549722ed12ec23f35",
    "0034": "945e564d73513e32a9f264cfb81a9e14ab3057315f6d0cc98e1d17458d7157ee",
    "0035": "36b66e421383324276f299127ba0a2e2aca654e22cb61dbbc2456a19d9eafbeb",
    "0036": "e53b1184afbd9037ec41573a960a0b59a623a7f4cf5d90d4c7813ddaf42ad0c3",
    "0037": "ec0ec5b7eb40482d8d8d2a4c033bb0894a495426f4bd9df472db8ac9c2d34a35",
    "0038": "c0319537dbd4fbe95eacf984d057fea4dacf755a66bd00bb30c60d0eb82e0489",
    "0039": "3e1fe8c35caaf872c29e4e7b3e8baea9676d3da20609c1519970e69d84f5323c",
    "0040": "c7a65e8af3ccd4461cdca54514acaca8f9244f52921d10921e8545950f0693cd",
    "0041": "41b21250d859f4e8687c85e55a31cba0674aac653bc1b8b664a97615f7646095",
    "0042": "8b5798c242273fc479d635fae5725d1e526621477e04d458b2ce728fe79d112b",
    "0043": "72f838e490305f881555ce3e5b1c8c6a1d55eb728938c05e17ca387cf4e9b2b6",
    "0044": "4ea210a034b1f5a408f69283b5ef02abe832e122733cd324065655cacbb79b55",
    "0045": "4c8e552f857de444a7203185bd60d62522dbe183cf6356a759ce237a62cb7daf",
    "0046": "afe2c48eff97aa40256ebda70249a6c515dbb34f27400bab0aa8a11adc8a5ed3",
    "0047": "baedfdc2e673b95379a5465a582b0a4b01e1b0e4a7015cd9af6ab3140e104eba",
    "0048": "2c7948dc5c0e80872ae1fb10cd66c291ab0aceaedae3f6556e3273c313dcbcf7",
    "0049": "2d2c5853f800b7ee182b3e8c910fc040813fee49a9b3072f8b886bbc121d19b2",
    "0050": "f040492a82065192e0c52970896920b6cdeeb456b20d8ccb567446b8da9ee7ce",
    "0051": "49836bf48c582f9b874fce0712e68e2202cab455d7a5fade9bafa5e73ee3acd6",
    "0052": "03fa5440d449f498a10d17b258717ae70e4206e90abe3c618ea39ec7811f400f",
    "0053": "05b75ccff784f5486fd84efbd5a603fd297c08e51b48b3c1835f2e212362d1fd",
    "0054": "e4f5c23ae972994b35d0b5cd63cd8c61adcb7ed8339f9633f77f30a4cc333022",
    "0055": "8f3fa9e972c9c4dc207c94bdf8aaa8fe420871d944a56ec1b4fe4d9d32a97903",
    "0056": "01ea6992d83f773dad0258aa4f01c3f05f41a5f906b8ca9ac0d386c380966599",
    "0057": "fe621e7b7501655cc8098bece02ec91db5c0de4104f6ffddec64767b140c672a",
    "0058": "64556e7e979dfe2b85a701e39bc8aa3809bed734f150685a5af6baf4033e401f",
    "0059": "810f30be0197547f53d44cf4d4059791319c0273e9859ab0b38bfc8c5286e9b0",
    "0060": "3bfd146210f59272fbd867669a2c6e9fdd1096022cea5f9bb0d5eb83e3de719c",
    "0061": "3934d7201f81eb0ae9601fd6d29b5e71f7ac8e858608048e245483ed17020050",
    "0062": "b0ea79d98c72fcdb707954074e0958bc10fbb93ff2f371ea615f1ad5ba9912d1",
    "0063": "f41ed4415c829b51a284a3ed43a38cfd8fffa1769ca5adcb52f513e03f73c900",
    "0064": "50b9ce930b22f95e780a7274c7ae50a3e815f1a40a293cdabdbe7ff0fdf38fd5",
    "0065": "47e064bcfd1ca14992332bccb3a620787169566c1d73ac86800ea9ce1b6a3694",
    "0066": "5b2c85346b62e230d55796f0e130799f33f810c0b1ada1d0b8682adf2fbb6be3",
    "0067": "211acf2ef27243b87770738eda99583ead3251ed31902288b1a2ee513812e3bf",
    "0068": "a0e978e2f9a1c6901c44210be6f7c31c51de70911fde69ded334f49cca8d17ef",
    "0069": "fcf1e8e308f69c0cfb24c24aeca421edea2a74d38bf7731db2dad012669edaf1",
    "0070": "03d00505abc9b729ef9ec902944f4bfdbd0830d2d0a60ed6201747d6fc5c968d",
    "0071": "a4a71e62c715e67fa6cea80659eed310101cda997448f0c33d140be09ae31076",
    "0072": "5914ddabd72bb800139b74564d45a48897ba82ce3b3404208eae8f513c243d0e",
    "0073": "cca59ab5b41e63c1519c7632cc11f951489eca2ba631f5d01d6dfe377a1497c9",
    "0074": "980aa1a3538ecd3b688e612b919f76456750a351bd24d31342b67a8ef693909e",
    "0075": "5b3831349ac552e20ff13c71a594e7c0c3c1262978f939f14d33969f9696bdb0",
}


def did(migration: Path) -> str:
    """The digest of what a migration does: all its text but from where it takes our functions, for modules move."""
    lines = migration.read_bytes().splitlines(keepends=True)
    return hashlib.sha256(b"".join(line for line in lines if not line.startswith(b"from carecoord"))).hexdigest()


def test_no_migration_is_written_again_once_another_stands_on_it() -> None:
    """F20: 0002 was changed in place five times. To change a table, add a migration."""
    found = {path.name[:4]: did(path) for path in sorted(VERSIONS.glob("0*.py"))}
    newest = max(found)
    assert {number: sha for number, sha in found.items() if number != newest or newest in WRITTEN} == WRITTEN


def test_rows_that_were_written_in_words_are_judged_anew(engine: Engine) -> None:
    revision = import_module("carecoord.store.migrations.versions.0007_rows_keep_sentences")
    with writing(engine) as conn:
        rows.save(conn, [row(1, headline="No visit is booked.")])
        for _ in range(2):
            with Operations.context(MigrationContext.configure(conn)):
                revision.upgrade()
    with reading(engine) as conn:
        assert list(conn.scalars(select(case.c.changes_at))) == [0]
        assert conn.execute(select(outbox.c.kind, outbox.c.due_at)).all() == [("refresh-cases", 0)]


def test_whoever_decided_at_a_payers_desk_is_a_medical_director_and_nobody_else_becomes_one(engine: Engine) -> None:
    revision = import_module("carecoord.store.migrations.versions.0058_medical_directors")
    before = {"clerk": "payer", "both": "admin payer", "maria": "coordinator", "odd": "payer-side", "has": "payer x"}
    with writing(engine) as conn:
        for id, roles in before.items():
            store.add_user(conn, User(id, id, id, frozenset(roles.split()), None, None), "", 0)
        for _ in range(2):
            with Operations.context(MigrationContext.configure(conn)):
                revision.upgrade()
    with reading(engine) as conn:
        after = {row.id: set(row.roles.split()) for row in conn.execute(select(user.c.id, user.c.roles))}
    assert after == {
        "clerk": {"payer", "medical-director"}, "both": {"admin", "payer", "medical-director"},
        "maria": {"coordinator"}, "odd": {"payer-side"}, "has": {"payer", "x", "medical-director"},
    }  # fmt: skip


def test_an_access_token_that_says_other_roles_than_its_persons_ends_and_no_other_does(engine: Engine) -> None:
    revision = import_module("carecoord.store.migrations.versions.0065_tokens_of_other_roles")
    held = {("clerk", "access"): "payer", ("clerk", "refresh"): "payer", ("maria", "access"): "coordinator",
            ("service", "access"): "payer"}  # fmt: skip
    with writing(engine) as conn:
        for id, roles in (("clerk", "payer medical-director"), ("maria", "coordinator")):
            store.add_user(conn, User(id, id, id, frozenset(roles.split()), None, None), "", 0)
        for (subject, kind), roles in held.items():
            kept = Token(kind, "app", subject, "user/*.rs", 0, 9, roles=frozenset(roles.split()))
            store.issue(conn, kept, f"{subject} {kind}")
        with Operations.context(MigrationContext.configure(conn)):
            revision.upgrade()
    with reading(engine) as conn:
        left = {(row.subject, row.kind) for row in conn.execute(select(token.c.subject, token.c.kind))}
    assert left == held.keys() - {("clerk", "access")}


def test_what_payers_were_asked_about_cards_is_there_as_rows_answered_or_not(engine: Engine) -> None:
    revision = import_module("carecoord.store.migrations.versions.0064_questions_about_cards")
    asked = {
        "resourceType": "CoverageEligibilityRequest", "status": "active", "created": "2026-11-22T09:00:00-05:00",
        "insurer": {"reference": "Organization/granite"}, "patient": {"reference": "Patient/ann"},
    }  # fmt: skip
    told = {
        "resourceType": "CoverageEligibilityResponse", "status": "active", "created": "2026-11-22T10:00:00-05:00",
        "insurer": {"reference": "Organization/granite"}, "patient": {"reference": "Patient/ann"},
    }  # fmt: skip
    store_ = Store(engine)
    for id in ("waits", "put", "done"):
        store_.put(asked | {"id": id})
    store_.put(asked | {"id": "off", "status": "cancelled"})
    store_.put(asked | {"id": "unnamed", "insurer": {}})
    for id, outcome in (("put", "queued"), ("done", "complete")):
        store_.put(told | {"id": id, "outcome": outcome, "request": {"reference": f"CoverageEligibilityRequest/{id}"}})
    with writing(engine) as conn:
        conn.execute(text("DROP TABLE eligibility_question"))
        with Operations.context(MigrationContext.configure(conn)):
            revision.upgrade()
        columns = "id, payer, patient, asked, answered"
        found = conn.execute(text(f"SELECT {columns} FROM eligibility_question ORDER BY id")).all()
    at, then = 1795356000000000, 1795359600000000  # 14:00 and 15:00 UTC
    assert [tuple(each) for each in found] == [
        ("done", "granite", "ann", at, then), ("put", "granite", "ann", at, None),
        ("waits", "granite", "ann", at, None),
    ]  # fmt: skip


def _demand_that_ann_alone_is_judged_anew(engine: Engine, name: str, *resources: dict[str, Any]) -> None:
    """By a revision, also where it is begun again; the resources are Ann's and Bo's, who have a case each."""
    revision = import_module(f"carecoord.store.migrations.versions.{name}")
    with writing(engine) as conn:
        rows.save(conn, [row(1, patient="ann", changes_at=9), row(2, patient="bo", changes_at=9)])
        ahead.note(conn, {1: 9, 2: 9}, 0)
        conn.execute(text("UPDATE case_ahead SET told = '[{}]'"))
    for resource in resources:
        Store(engine).put(resource)
    with writing(engine) as conn:
        for _ in range(2):
            with Operations.context(MigrationContext.configure(conn)):
                revision.upgrade()
    with reading(engine) as conn:
        assert dict(conn.execute(select(case.c.rid, case.c.changes_at)).all()) == {1: 0, 2: 9}
        told = conn.execute(text("SELECT rid, at, told FROM case_ahead ORDER BY rid")).all()
    assert [tuple(each) for each in told] == [(1, 0, None), (2, 9, "[{}]")]


def test_whoever_has_an_answer_of_a_payer_is_judged_anew_and_nobody_else(engine: Engine) -> None:
    answer = {"resourceType": "ClaimResponse", "status": "active", "outcome": "complete", "use": "preauthorization"}
    anns = answer | {"id": "a", "patient": {"reference": "Patient/ann"}}
    _demand_that_ann_alone_is_judged_anew(engine, "0066_approvals_read_closely", anns)


def test_whose_request_names_a_care_team_is_judged_anew_and_nobody_else(engine: Engine) -> None:
    asked = {"resourceType": "Claim", "status": "active", "use": "preauthorization", "created": "2026-11-20"}
    team = [{"sequence": 1, "provider": {"reference": "Practitioner/referrer"}}]
    anns = asked | {"id": "a", "patient": {"reference": "Patient/ann"}, "careTeam": team}
    bos = asked | {"id": "b", "patient": {"reference": "Patient/bo"}}
    _demand_that_ann_alone_is_judged_anew(engine, "0070_whom_a_care_team_names", anns, bos)


def test_whose_approval_names_a_midnight_utc_is_judged_anew_and_nobody_else(engine: Engine) -> None:
    said = {"resourceType": "ClaimResponse", "status": "active", "use": "preauthorization", "created": "2026-11-20"}
    period = {"start": "2026-12-04T00:00:00Z"}
    anns = said | {"id": "a", "patient": {"reference": "Patient/ann"}, "preAuthPeriod": period}
    bos = said | {"id": "b", "patient": {"reference": "Patient/bo"}, "preAuthPeriod": {"start": "2026-12-04"}}
    _demand_that_ann_alone_is_judged_anew(engine, "0071_days_at_midnight_utc", anns, bos)


@pytest.mark.parametrize(("end", "anew"), [("2026-12-04T00:00:00Z", 0), ("2026-12-04", 9)])
def test_where_a_licence_names_a_midnight_utc_everybody_is_judged_anew(engine: Engine, end: str, anew: int) -> None:
    revision = import_module("carecoord.store.migrations.versions.0076_licences_at_midnight_utc")
    licence = {"code": {"coding": [{"code": "license"}]}, "period": {"end": end}}
    Store(engine).put({"resourceType": "Practitioner", "id": "dr", "qualification": [licence]})
    other = {"url": "https://elm.example/since", "valueDateTime": "2026-12-04T00:00:00Z"}
    Store(engine).put({"resourceType": "Practitioner", "id": "x", "extension": [other]})
    with writing(engine) as conn:
        rows.save(conn, [row(1, patient="ann", changes_at=9)])
        with Operations.context(MigrationContext.configure(conn)):
            revision.upgrade()
        assert conn.scalar(select(case.c.changes_at)) == anew


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("authorizationRequired", "0074_what_payers_answered_of_services"),
        ("excluded", "0075_services_that_a_plan_excludes"),
    ],
)
def test_of_whom_a_payer_answered_something_of_a_service_is_judged_anew(engine: Engine, word: str, name: str) -> None:
    said = {"resourceType": "CoverageEligibilityResponse", "status": "active", "outcome": "complete"}
    line = {"productOrService": {"text": "Echocardiogram"}, word: True}
    anns = said | {"id": "a", "patient": {"reference": "Patient/ann"}, "insurance": [{"item": [line]}]}
    bos = said | {"id": "b", "patient": {"reference": "Patient/bo"}, "insurance": [{"inforce": True}]}
    _demand_that_ann_alone_is_judged_anew(engine, name, anns, bos)


def test_a_question_about_no_card_that_is_here_waits_no_more(engine: Engine) -> None:
    revision = import_module("carecoord.store.migrations.versions.0067_questions_about_no_card")
    store_, ann = Store(engine), {"reference": "Patient/ann"}
    store_.put({"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": ann, "payor": [{}]})
    asked = {"resourceType": "CoverageEligibilityRequest", "status": "active", "patient": ann}
    of = {id: [{"coverage": {"reference": to}}] for id, to in (("card", "Coverage/c"), ("lost", "Coverage/x"))}
    for id in ("card", "lost", "bare"):
        store_.put(asked | {"id": id} | ({"insurance": of[id]} if id in of else {}))
    store_.put(asked | {"id": "nobodys", "patient": {"reference": "Patient/bo"}})
    with writing(engine) as conn:
        for id in ("card", "lost", "bare", "nobodys"):
            questions.put(conn, id, payer="granite", patient="ann", asked=1, answered=None)
        with Operations.context(MigrationContext.configure(conn)):
            revision.upgrade()
        left = conn.scalars(text("SELECT id FROM eligibility_question ORDER BY id")).all()
    assert left == ["bare", "card"]


def test_each_migration_stands_on_the_one_before() -> None:
    """Two of one number, landed side by side, leave a new database without any table."""
    numbers = [path.name[:4] for path in sorted(VERSIONS.glob("0*.py"))]
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]
    for before, path in zip(["None", *map(repr, numbers)], sorted(VERSIONS.glob("0*.py")), strict=False):
        said = dict(re.findall(r"^(revision|down_revision)(?:: \S+)? = (.+)$", path.read_text(), re.M))
        assert (said["revision"], said["down_revision"]) == (f'"{path.name[:4]}"', before.replace("'", '"')), path.name


def test_a_database_that_lacks_what_its_revision_promises_is_told_by_name(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/carecoord.db")
    migrate(engine)
    with reading(engine) as conn:
        assert schema.lacking(conn) == []
    with writing(engine) as conn:
        conn.execute(text("ALTER TABLE ehr_run DROP COLUMN flagged"))
        conn.execute(text("DROP TABLE outbox"))
    with reading(engine) as conn:
        assert schema.lacking(conn) == ["ehr_run.flagged", "outbox"]
    engine.dispose()
