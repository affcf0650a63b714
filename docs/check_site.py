"""Open every page of the built site in a headless Chromium, at two widths: nothing may go wrong in it.

    hatch run docs && hatch run docs:check

A page fails if its console has an error, if an image does not load, if it asks anything of another host (the site works
without a network), or if it is wider than the window.
It needs Chromium and ChromeDriver; where there are none, it says so, and exits with 0.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service


SITE = Path(__file__).resolve().parents[1] / "out" / "site"
WIDTHS = (1280, 400)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which `folder` is served on this machine."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def browser(chromium: str, driver: str) -> Iterator[webdriver.Chrome]:
    """A headless Chromium that asks nothing of the network by itself."""
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    quiet = ("disable-background-networking", "disable-component-update", "disable-sync", "no-first-run")
    for flag in ("headless=new", "no-sandbox", "disable-gpu", *quiet):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield found
    finally:
        found.quit()


def faults(page: webdriver.Chrome, root: str, name: str, width: int) -> list[str]:
    """What is wrong with a page of the site at `root` in a window of this width."""
    page.set_window_size(width, 900)
    page.get(f"{root}/{name}")
    errors = [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    broken = page.execute_script("return [...document.images].filter(i => !i.naturalWidth).map(i => i.src)")
    found = [*errors, *(f"does not load: {source}" for source in broken)]
    asked = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    found += [f"asks another host: {source}" for source in asked if not source.startswith((root, "data:", "blob:"))]
    wide = page.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    return [*found, f"{wide} pixels wider than the window"] if wide > 0 else found


def main() -> int:
    chromium, driver = (shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver"))
    if not chromium or not driver:
        print("NOT CHECKED: there is no Chromium, or no ChromeDriver, on this machine")
        return 0
    pages = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if path.name != "404.html")
    status = 0
    with served(SITE) as root, browser(chromium, driver) as page:
        for name in pages:
            for width in WIDTHS:
                for fault in faults(page, root, name, width):
                    print(f"{name} at {width}: {fault}")
                    status = 1
    print(f"{len(pages)} pages at {len(WIDTHS)} widths")
    return status


if __name__ == "__main__":
    sys.exit(main())
