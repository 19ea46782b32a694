"""The field for a code in a real browser: looked up while it is typed, by keyboard alone; axe finds nothing."""

from collections.abc import Callable
from typing import Any

from flask import render_template_string

from carecoord.actions.terms.choices import Coded, Offer
from carecoord.web.acts.forms import State
from tests.axe import check
from tests.desk.conftest import House

FORM = """{% from "act_parts.html" import code with context %}<form class="act-form" id="act-form">
{{ code(state, "place", "Where it is done", "place") }}{{ code(state, "other", "Or here", "place") }}</form>"""


def test_a_code_is_found_by_its_words_with_the_keyboard_and_axe_finds_nothing(
    house: House, open_page: Callable[..., Any]
) -> None:
    offer = Offer((Coded("", "", "11", "Office"), Coded("", "", "12", "Home")))
    with house.app.test_request_context():
        form = render_template_string(FORM, state=State("try", {"other": "ho"}, offers={"other": offer}))
    page = open_page("/codes?of=place&said=hospital", "coordinator")
    assert page.get_by_text("Psychiatric Facility-Partial Hospitalization").is_visible()
    page.evaluate("form => document.querySelector('#main').insertAdjacentHTML('beforeend', form)", form)
    field = page.get_by_role("textbox", name="Where it is done")
    field.press_sequentially("outp hosp")
    field = page.get_by_role("combobox", name="Where it is done")
    page.get_by_role("option", name="22 On Campus-Outpatient Hospital").wait_for()
    check(page)
    page.evaluate("document.addEventListener('change', ({ target }) => { document.title = target.value; })")
    field.press("ArrowDown")
    field.press("ArrowDown")
    assert page.locator("li[role=option][aria-selected=true]").inner_text().startswith("22")
    field.press("Enter")
    assert field.input_value() == "22 On Campus-Outpatient Hospital"
    assert page.title() == field.input_value(), "a form that is kept while it is filled in hears of it"
    assert page.get_by_role("listbox").count() == 0
    field.fill("school")
    page.get_by_role("option", name="03 School").click()
    assert field.input_value() == "03 School"
    field.fill("nothing like it")
    page.locator("#act-place-codes").get_by_text("No code of Place of service has these words").wait_for()
    field.press("Escape")
    assert page.locator("#act-place-codes").is_hidden()
    assert page.get_by_role("radio", name="12 Home").is_visible()
