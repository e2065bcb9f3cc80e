"""The page in a real browser: by mouse, by keyboard, on a phone, in dark mode."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

pytest.importorskip("playwright", reason="playwright is not installed; make test-web installs it")
pytest.importorskip("axe_playwright_python", reason="axe is missing; make test-web installs it")

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect

from bot.adapters.web.pages import CHIPS, EXAMPLES
from bot.texts import ENGLISH, say
from tests.bot.adapters.web.browsers import browsing, chromium
from tests.bot.adapters.web.sites import ADDRESS_HEADER, PHRASE, SLOW, Site, serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(180),
    pytest.mark.skipif(chromium() is None, reason="no Chromium; make test-web installs one"),
]

SECONDS = 30_000  # milliseconds
expect.set_options(timeout=SECONDS)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
# The minimum size of touch targets (WCAG 2.5.5).
FINGER = 44  # pixels


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for this module."""
    async with browsing() as ours:
        yield ours


@asynccontextmanager
async def visiting(
    browser: Browser, site: Site, *, complaints: bool = False, **how: Any
) -> AsyncIterator[Page]:
    """The page in a browser; at the end it must have logged no error and have sent requests to
    its own site only. complaints: the browser itself may log failed requests."""
    how = {"viewport": DESKTOP, "locale": "es-ES", "reduced_motion": "reduce"} | how
    context: BrowserContext = await browser.new_context(
        **how, extra_http_headers={ADDRESS_HEADER: site.visitor().address}
    )
    page = await context.new_page()
    page.set_default_timeout(SECONDS)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    try:
        await page.goto(site.base)
        yield page
        assert complaints or wrong == []
        assert all(url.startswith((site.base, f"blob:{site.base}")) for url in asked), asked
    finally:
        await context.close()


async def write(page: Page, phrase: str = PHRASE) -> str:
    """Continue a phrase; the whole text."""
    await page.fill("#phrase", phrase)
    await page.click("#write")
    return await written(page)


async def written(page: Page) -> str:
    """Wait until the text is complete; the text."""
    await expect(page.locator("#status")).to_have_text(say("web_done"))
    await expect(page.locator("#actions")).to_be_visible()
    return await page.locator("#text").text_content() or ""


def button(page: Page, key: str, language: str = "es") -> Any:
    """The button with this label."""
    return page.get_by_role("button", name=say(key, language), exact=True)


async def test_text_streams_to_the_page(browser: Browser, slow_site: Site) -> None:
    async with visiting(browser, slow_site) as page:
        await page.fill("#phrase", PHRASE)
        await button(page, "web_write").click()
        await expect(page.locator("#given")).to_have_text(PHRASE)
        await expect(page.locator("#answer")).to_have_attribute("aria-busy", "true")
        lengths = []
        for _ in range(3):
            seen = await page.locator("#written").text_content() or ""
            lengths.append(len(seen))
            await expect(page.locator("#written")).not_to_have_text(seen)
        assert lengths == sorted(set(lengths))
        await button(page, "web_stop").click()
        await expect(page.locator("#status")).to_have_text(say("web_stopped"))
        await expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
        # The shown text stays and can be continued; without a seed there is no card.
        assert len(await page.locator("#written").text_content() or "") >= lengths[-1]
        await expect(button(page, "button_card")).to_be_hidden()
        await expect(button(page, "button_continue")).to_be_visible()


async def test_html_is_shown_as_text(browser: Browser, site: Site) -> None:
    phrase = "<img src=x> <b>Y &amp; </b> ${1}"
    async with visiting(browser, site) as page:
        for _ in range(3):
            text = await write(page, phrase)
            assert text.startswith(phrase)
        assert await page.locator("#text *").count() == 3
        await button(page, "button_card").click()
        await expect(page.locator("#picture")).to_have_attribute("alt", text)


@pytest.mark.parametrize(
    ("phrase", "tall"),
    [("En un", True), ("«¿Éste", True), ("¿Quién", False), ("jota", False), ("1605", False)],
)
async def test_descenders_stay_below_the_line(
    browser: Browser, site: Site, phrase: str, tall: bool
) -> None:
    lines = "getComputedStyle(document.querySelector('#text'), '::first-letter').initialLetter"
    async with visiting(browser, site) as page:
        await write(page, phrase)
        assert await page.evaluate(lines) == ("3" if tall else "normal")


async def test_each_speaker_starts_a_line(browser: Browser, site: Site) -> None:
    phrase = "—¿Quién es? —preguntó—. Dígalo. —No lo sé. Calló —y no era poco."
    async with visiting(browser, site) as page:
        assert (await write(page, phrase)).startswith(phrase)
        lines = (await page.locator("#given").inner_text()).split("\n")
    assert [line.strip() for line in lines] == [
        "—¿Quién es? —preguntó—. Dígalo.",
        "—No lo sé. Calló —y no era poco.",
    ]


async def test_story_continues_and_last_part_is_rewritten(browser: Browser, site: Site) -> None:
    async with visiting(browser, site) as page:
        first = await write(page)
        await button(page, "button_continue").click()
        second = await written(page)
        assert second.startswith(first)
        assert len(second) > len(first)
        await button(page, "button_again").click()
        third = await written(page)
        assert third.startswith(first)
        assert third != second
        await page.fill("#phrase", "Otra cosa")
        await button(page, "web_write").click()
        assert (await written(page)).startswith("Otra cosa")


async def test_form_sets_style_sentences_and_temperature(browser: Browser, site: Site) -> None:
    async with visiting(browser, site) as page:
        assert await page.locator("#style option").all_text_contents() == [
            say("web_any_style"),
            "Cervantes",
            "Galdós",
        ]
        await page.select_option("#style", "galdos")
        await page.fill("#sentences", "5")
        await page.fill("#temperature", "0")
        await expect(page.locator("#degrees")).to_have_text("0,00")
        async with page.expect_request("**/write") as asked:
            await write(page)
        body = (await asked.value).post_data_json
        assert (body["style"], body["sentences"], body["temperature"]) == ("galdos", 5, 0)
        assert await write(page) == await write(page)  # deterministic


async def test_page_works_with_keyboard_only(browser: Browser, slow_site: Site) -> None:
    async with visiting(browser, slow_site) as page:
        focused = page.locator(":focus")
        await expect(focused).to_have_id("phrase")
        await page.keyboard.type(PHRASE)
        for phrase in EXAMPLES[:CHIPS]:
            await page.keyboard.press("Tab")
            await expect(focused).to_have_text(phrase)
        for name in ("style", "sentences", "temperature", "write"):
            await page.keyboard.press("Tab")
            await expect(focused).to_have_id(name)
        await page.keyboard.press("Enter")
        await expect(focused).to_have_id("stop")
        await expect(page.locator("#given")).to_have_text(PHRASE)
        await page.keyboard.press("Escape")
        await expect(page.locator("#status")).to_have_text(say("web_stopped"))
        await expect(focused).to_have_id("continue")
        await page.keyboard.press("Enter")
        await expect(focused).to_have_id("stop")
        await page.keyboard.press("Escape")
        await expect(focused).to_have_id("continue")


async def test_touch_screen_starts_without_a_keyboard(browser: Browser, site: Site) -> None:
    async with visiting(browser, site, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        assert await page.evaluate("document.activeElement === document.body")
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        await expect(focused).to_have_text(say("web_skip"))
        await page.keyboard.press("Enter")
        await expect(focused).to_have_id("phrase")


async def test_an_example_is_one_click_away(browser: Browser, site: Site) -> None:
    async with visiting(browser, site) as page:
        await page.locator(".chips button").nth(1).click()
        assert (await written(page)).startswith(EXAMPLES[1])


async def test_surprises_are_phrases_of_ours_and_differ(browser: Browser, site: Site) -> None:
    async with visiting(browser, site) as page:
        seen = []
        for _ in range(3):
            await button(page, "web_surprise").click()
            await written(page)
            seen.append(await page.input_value("#phrase"))
            assert seen[-1] in EXAMPLES
            assert seen[-1] not in seen[-2:-1]


async def test_the_browser_keeps_texts_until_they_are_deleted(browser: Browser, site: Site) -> None:
    async with visiting(browser, site) as page:
        history = page.locator("#history")
        await expect(history).to_be_hidden()
        first = await write(page)
        second = await write(page, "Otra cosa")
        await button(page, "button_continue").click()
        longer = await written(page)
        await page.reload()
        await expect(page.locator("#answer")).to_be_hidden()
        await history.locator("summary").click()
        # The newest comes first, and a text that goes on replaces its beginning.
        assert longer.startswith(second)
        assert await page.locator("#texts button").all_text_contents() == [longer, first]
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        await page.locator("#texts button").nth(1).click()
        assert await page.locator("#text").text_content() == first
        await button(page, "button_continue").click()
        assert (await written(page)).startswith(first)
        await button(page, "web_forget").click()
        await expect(history).to_be_hidden()
        await page.reload()
        await expect(history).to_be_hidden()


async def test_history_survives_a_broken_value(browser: Browser, site: Site) -> None:
    for broken in ("{", "null", '[1, null, {"phrase": 3}]'):
        async with visiting(browser, site) as page:
            await page.evaluate("value => localStorage.setItem('texts', value)", broken)
            await page.reload()
            await expect(page.locator("#history")).to_be_hidden()
            text = await write(page)
            assert await page.locator("#texts button").all_text_contents() == [text]


@pytest.mark.parametrize("path", ["nothing", "page.css/x"])
async def test_missing_page_leads_back(browser: Browser, site: Site, path: str) -> None:
    async with visiting(browser, site, complaints=True) as page:
        response = await page.goto(f"{site.base}/{path}")
        assert response is not None
        assert response.status == 404
        font = "getComputedStyle(document.body).fontFamily"
        assert "Fell" in await page.evaluate(font)
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        await page.get_by_role("link", name=say("web_back")).click()
        await expect(page.locator("#phrase")).to_be_visible()


async def test_enter_submits_and_browser_rejects_empty_phrase(browser: Browser, site: Site) -> None:
    async with visiting(browser, site) as page:
        await page.focus("#phrase")
        await page.keyboard.press("Enter")
        await expect(page.locator("#answer")).to_be_hidden()
        await page.keyboard.type("Hola")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("amigo")
        await page.keyboard.press("Enter")
        assert (await written(page)).startswith("Hola amigo")


async def test_screen_readers_announce_the_text(browser: Browser, site: Site) -> None:
    async with visiting(browser, site, locale="en-GB") as page:
        await page.fill("#phrase", PHRASE)
        await button(page, "web_write", ENGLISH).click()
        await expect(page.locator("#status")).to_have_text(say("web_done", ENGLISH))
        text = await page.locator("#written").text_content() or ""
        # Once, when it is complete, and in its language.
        spoken = page.locator("[aria-live=polite][lang=es]")
        await expect(spoken).to_have_text(text.strip())
        assert await page.get_attribute("#text", "lang") == "es"
        assert await page.get_attribute("html", "lang") == "en"
        for name in ("phrase", "style", "sentences", "temperature"):
            key = f"web_{name}"
            assert await page.get_by_label(say(key, ENGLISH)).first.get_attribute("id") == name


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_passes_accessibility_checks(
    browser: Browser, site: Site, viewport: dict[str, int], scheme: str
) -> None:
    async with visiting(browser, site, viewport=viewport, color_scheme=scheme) as page:
        for begun in (False, True):
            if begun:
                await write(page)
                await button(page, "button_card").click()
                await expect(page.locator("#figure")).to_be_visible()
            # Every rule of axe, including contrast.
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        assert await page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        for each in await page.locator("button:visible, select, .button:visible").all():
            box = await each.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= FINGER


async def test_colours_follow_system_until_chosen(browser: Browser, site: Site) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    async with visiting(browser, site, color_scheme="dark") as page:
        switch, dark = button(page, "web_dark"), await page.evaluate(paper)
        await expect(switch).to_have_attribute("aria-pressed", "true")
        await page.emulate_media(color_scheme="light")
        await expect(switch).to_have_attribute("aria-pressed", "false")
        light = await page.evaluate(paper)
        assert light != dark
        await switch.click()
        assert await page.evaluate(paper) == dark
        await page.reload()
        assert await page.evaluate(paper) == dark
        await expect(switch).to_have_attribute("aria-pressed", "true")


async def test_reduced_motion_disables_animation(browser: Browser, slow_site: Site) -> None:
    caret = "getComputedStyle(document.querySelector('#written'), '::after').animationName"
    for motion, animation in (("reduce", "none"), ("no-preference", "blink")):
        async with visiting(browser, slow_site, reduced_motion=motion) as page:
            await page.fill("#phrase", PHRASE)
            await page.keyboard.press("Enter")
            await expect(page.locator("#given")).to_have_text(PHRASE)
            assert await page.evaluate(caret) == animation


MOVING = {"reduced_motion": "no-preference"}
# The shown text, the pending text, and the position of the buttons.
PARTS = """() => [...["written", "ahead"].map((id) => document.getElementById(id).textContent),
    document.getElementById("actions").getBoundingClientRect().top + scrollY]"""


async def test_text_is_revealed_at_reading_speed(browser: Browser, site: Site) -> None:
    async with visiting(browser, site, **MOVING) as page:
        await page.fill("#sentences", "5")
        whole = await write(page)
        seen = []
        while not seen or seen[-1][2]:
            shown, ahead, top = await page.evaluate(PARTS)
            assert PHRASE + shown + ahead == whole
            seen.append((await page.evaluate("performance.now()"), shown, ahead, top))
            await page.wait_for_timeout(100)
        lengths = [len(shown) for _, shown, _, _ in seen]
        assert lengths == sorted(lengths)
        assert len(set(lengths)) > 8
        # A busy machine renders late and more at a time.
        (begun, _, _, top), (ended, *_) = seen[0], seen[-1]
        pace = (lengths[-1] - lengths[0]) * 1000 / (ended - begun)
        assert 45 < pace < 100
        # The layout was final from the beginning.
        assert all(abs(each[3] - top) < 1 for each in seen)
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("how", ["click", "key", "escape"])
async def test_click_reveals_the_whole_text(browser: Browser, site: Site, how: str) -> None:
    async with visiting(browser, site, **MOVING) as page:
        await page.fill("#sentences", "5")
        whole = await write(page)
        assert (await page.evaluate(PARTS))[1]
        if how == "click":
            await page.click("#given")
        elif how == "key":
            await page.focus("#text")
            await page.keyboard.press("Space")
        else:
            await page.keyboard.press("Escape")
        shown, ahead, _ = await page.evaluate(PARTS)
        assert (PHRASE + shown, ahead) == (whole, "")


async def test_actions_use_the_whole_text(browser: Browser, site: Site) -> None:
    how = MOVING | {"permissions": ["clipboard-read", "clipboard-write"]}
    async with visiting(browser, site, **how) as page:
        await page.fill("#sentences", "5")
        whole = await write(page)
        await button(page, "web_copy").click()
        await expect(page.locator("#status")).to_have_text(say("web_copied"))
        assert await page.evaluate("navigator.clipboard.readText()") == whole
        spoken = page.locator("[aria-live=polite]")
        assert PHRASE + (await spoken.text_content() or "") == whole
        assert (await page.evaluate(PARTS))[1]  # meanwhile
        await button(page, "button_continue").click()
        longer = await written(page)
        assert longer.startswith(whole)
        assert len(longer) > len(whole)


async def test_stop_keeps_the_shown_text(browser: Browser, slow_site: Site) -> None:
    async with visiting(browser, slow_site, **MOVING) as page:
        await page.fill("#phrase", PHRASE)
        await page.keyboard.press("Enter")
        await expect(page.locator("#written")).not_to_have_text("")
        await page.wait_for_timeout(500)
        before = await page.locator("#written").text_content() or ""
        await button(page, "web_stop").click()
        await expect(page.locator("#status")).to_have_text(say("web_stopped"))
        shown, ahead, _ = await page.evaluate(PARTS)
        assert shown.startswith(before)
        assert ahead == ""


async def endings_of(page: Page) -> list[str]:
    """Request endings; their texts."""
    await button(page, "button_endings").click()
    await expect(page.locator("#status")).to_have_text(say("web_choose"))
    return await page.locator("#choices [lang=es]").all_text_contents()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_one_of_three_endings_is_chosen(
    browser: Browser, site: Site, viewport: dict[str, int]
) -> None:
    async with visiting(browser, site, viewport=viewport) as page:
        first = await write(page)
        about = await page.locator("#how").text_content()
        endings = await endings_of(page)
        assert len(set(endings)) == 3
        assert await page.locator("#text").text_content() == first
        assert await page.locator("#how").text_content() == about
        await expect(page.locator("[aria-live=polite]")).to_contain_text(f"2: {endings[1]}")
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        boxes = [await each.bounding_box() for each in await page.locator("#choices li").all()]
        tops = {round(box["y"]) for box in boxes if box is not None}
        assert len(tops) == (1 if viewport is DESKTOP else 3)
        assert await page.evaluate("document.documentElement.scrollWidth") == viewport["width"]

        seeds = await page.locator("#choices .hint").all_text_contents()
        keep = page.get_by_role("button", name=say("web_keep", number=2), exact=True)
        assert (await keep.bounding_box() or {"height": 0})["height"] >= FINGER
        await keep.click()
        await expect(page.locator("#choices")).to_be_hidden()
        await expect(page.locator("#status")).to_have_text(say("web_kept"))
        text = await page.locator("#text").text_content() or ""
        assert text == PHRASE + (endings[1][1:] if endings[1][0] == "…" else f" {endings[1]}")
        assert seeds[1].endswith(await page.locator("#how").text_content() or "?")
        await button(page, "button_continue").click()
        assert (await written(page)).startswith(text)


async def test_endings_apply_to_the_last_part(browser: Browser, site: Site) -> None:
    async with visiting(browser, site) as page:
        first = await write(page)
        await button(page, "button_continue").click()
        second = await written(page)
        await endings_of(page)
        await page.get_by_role("button", name=say("web_keep", number=3), exact=True).click()
        text = await page.locator("#text").text_content() or ""
        assert text.startswith(first)
        assert text != second
        # A new request removes endings that were not chosen.
        await endings_of(page)
        await button(page, "button_again").click()
        await written(page)
        await expect(page.locator("#choices")).to_be_hidden()


async def test_stopped_endings_keep_the_text(
    browser: Browser, endless_checkpoints: Path, tmp_path: Path
) -> None:
    async with (
        serving(tmp_path, endless_checkpoints, **SLOW, person_per_minute=2) as site,
        visiting(browser, site) as page,
    ):
        await page.fill("#phrase", PHRASE)
        await page.keyboard.press("Enter")
        await expect(page.locator("#written")).not_to_have_text("")
        await page.keyboard.press("Escape")
        await expect(page.locator("#status")).to_have_text(say("web_stopped"))
        text = await page.locator("#text").text_content()
        await button(page, "button_endings").click()
        await expect(page.locator("#status")).to_have_text(say("web_writing"))
        await page.keyboard.press("Escape")
        await expect(page.locator("#status")).to_have_text(say("web_stopped"))
        await button(page, "button_endings").click()
        await expect(page.locator("#status")).to_have_text(re.compile("Admito 2 peticiones"))
        assert await page.locator("#text").text_content() == text
        await expect(page.locator("#choices")).to_be_hidden()


async def test_text_can_be_copied(browser: Browser, site: Site) -> None:
    async with visiting(browser, site, permissions=["clipboard-read", "clipboard-write"]) as page:
        text = await write(page)
        await button(page, "web_copy").click()
        await expect(page.locator("#status")).to_have_text(say("web_copied"))
        assert await page.evaluate("navigator.clipboard.readText()") == text


async def test_card_is_shown_and_saved(browser: Browser, site: Site, tmp_path: Path) -> None:
    async with visiting(browser, site) as page:
        text = await write(page)
        await button(page, "button_card").click()
        await expect(page.locator("#status")).to_have_text(say("web_drawn"))
        picture = page.get_by_role("img", name=text)
        await expect(picture).to_have_js_property("naturalWidth", 1200)
        async with page.expect_download() as saved:
            await page.get_by_role("link", name=say("web_save")).click()
        assert (await saved.value).suggested_filename == "litteragpt.png"
        await (await saved.value).save_as(tmp_path / "card.png")
        assert (tmp_path / "card.png").read_bytes().startswith(b"\x89PNG")
        # The next text removes the card.
        await button(page, "button_again").click()
        await written(page)
        await expect(page.locator("#figure")).to_be_hidden()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_refusal_stands_beside_the_pressed_button(
    browser: Browser, markup_checkpoints: Path, tmp_path: Path, viewport: dict[str, int]
) -> None:
    async with (
        serving(tmp_path, markup_checkpoints, person_per_minute=1) as site,
        visiting(browser, site, viewport=viewport) as page,
    ):
        text = await write(page)
        refusal = re.compile(re.escape(say("person_minute", limit=1, wait="").partition(";")[0]))
        await button(page, "button_continue").click()
        await expect(page.locator("#status")).to_have_text(refusal)
        await expect(page.locator("#status")).to_be_in_viewport()
        await expect(page.locator("#former")).to_be_hidden()
        await page.fill("#phrase", "Otra cosa")
        await page.click("#write")
        trouble = page.get_by_role("alert")
        await expect(trouble).to_have_text(refusal)
        await expect(trouble).to_be_in_viewport()
        await expect(page.locator("#status")).to_have_text("")
        # The text that is still there does not look like the answer.
        await expect(page.locator("#text")).to_have_text(text)
        await expect(page.locator("#former")).to_have_text(say("web_former"))
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


async def test_lost_connection_is_shown(
    browser: Browser, endless_checkpoints: Path, tmp_path: Path
) -> None:
    async with (
        serving(tmp_path, endless_checkpoints, **SLOW) as site,
        visiting(browser, site, complaints=True) as page,
    ):
        await page.fill("#phrase", PHRASE)
        await page.keyboard.press("Enter")
        await expect(page.locator("#given")).to_have_text(PHRASE)
        site.process.kill()
        await expect(page.locator("#status")).to_have_text(say("web_lost"))
        await expect(button(page, "button_continue")).to_be_visible()
