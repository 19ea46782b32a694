"""A browser in plain words, from what it calls itself: enough for somebody to know their own again."""

from typing import Final

# In this order: most browsers also name those that they want to be taken for.
_BROWSERS: Final = (
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"),
    ("HeadlessChrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"), ("python-requests/", "a Python script"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


def device(agent: str) -> str:
    """Such as "Firefox on Windows"; "An unknown browser" where nothing can be told."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser or 'A browser'} on {system}" if system else browser or "An unknown browser"
