"""What is another's is as what is nobody's: by page, export, part of a page and file, the same status, the same words,
and as many questions to the database, so that neither an error nor its time tells that somebody is known here."""

import re

import pytest

from tests.desk.conftest import House
from tests.domain.worklist.test_project import statements

CASE, PATIENT = "worked-07-document-asked", "eleanor-brandt"  # of the office that the outsider is not of
PATHS = (
    f"/referrals/{CASE}", f"/referrals/{CASE}?act=note", f"/?show={CASE}", f"/worklist.csv?id={CASE}",
    f"/referrals/{CASE}/calendar.ics", f"/referrals/{CASE}/messages", f"/patients/{PATIENT}",
    f"/patients/{PATIENT}?act=set-goal",
    f"/record/{PATIENT}", f"/referrals/new?order={CASE}",
    f"/referrals/new?document={CASE}", f"/referrals/new/file/{CASE}",
    f"/documents/{CASE}/1", f"/waiting?show={CASE}", f"/acts/{CASE}", f"/links/{CASE}",
)  # fmt: skip


def told(house: House, who: str, path: str) -> tuple[int, str, int]:
    """The status, the words without ids and tokens, and how many statements it took."""
    client = house.enter(who)
    client.get(path)  # what a process reads once is read
    with statements(house.world.engine) as ran:
        answer = client.get(path)
    words = re.sub(r"[0-9a-f]{16,}|[\w-]{20,}", "", answer.get_data(as_text=True))
    return answer.status_code, words.replace(path, ""), len(ran)


@pytest.mark.parametrize("who", ["outsider", "payer", "contracts"])
def test_of_anothers_nothing_more_is_told_than_of_nobodys(house: House, who: str) -> None:
    for path in PATHS:
        elses, nobodys = (
            told(house, who, path),
            told(house, who, re.sub(f"{CASE}|{PATIENT}", "nobody-has-this-id", path)),
        )
        if who == "payer" and CASE in path:
            continue  # some of it lies with the payer
        assert elses[0] == nobodys[0], (path, elses[0], nobodys[0])
        assert "Brandt" not in elses[1], path
        assert elses[1].replace("nobody-has-this-id", "") == nobodys[1].replace("nobody-has-this-id", ""), path
        assert elses[2] == nobodys[2], (path, elses[2], nobodys[2])
