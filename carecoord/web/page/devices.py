"""A browser in plain words, from what it calls itself: enough for somebody to know their own again."""

from typing import Final

from carecoord.words.catalogue import spoken

# In this order: most browsers also name those that they want to be taken for.
_BROWSERS: Final = (
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"),
    ("HeadlessChrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"), ("python-requests/", "python-requests"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


def device(agent: str) -> str:
    """Such as "Firefox on Windows"; "An unknown browser" where nothing can be told."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if not system:
        return browser or spoken("people.unknown-browser")
    return (
        spoken("people.on", browser=browser, system=system) if browser else spoken("people.browser-on", system=system)
    )
