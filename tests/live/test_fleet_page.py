"""The page of a fleet in a real Chromium: seen, clicked, typed at, and read as by a screen reader.

With ``PLATFORM_ABI_SCREENSHOTS=FOLDER`` every view is kept there as a picture, to be looked at.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import platform_abi as pa
from platform_abi.folders import write_folder
from platform_abi.page.data import page_of
from platform_abi.page.glance import glance_of
from platform_abi.page.writing import KIND, page_files
from tests.inventory.fleets import locks, reports, shipped
from tests.page.fleets import HOSTILE, fleet

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

pytestmark = pytest.mark.live

#: Name and kind: each kind is there, and what would be HTML comes first.
HOSTS = dict.fromkeys(HOSTILE, 0) | {f"node-{n:04}": n % len(reports()) for n in range(500)}
VMS = dict.fromkeys(HOSTILE, 1) | {f"vm-{n:04}": n % len(locks()) for n in range(2000)}
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
VIEWS = ("glance", "matrix", "vms", "hosts", "vm/vm-0001", "host/node-0007", "migrate")
MARKS = {"ok": "✓", "warn": "!", "blocked": "✕"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return where a page of 2 000 VMs and 500 hosts is, names with HTML among them."""
    shown = fleet(HOSTS, VMS)
    page = page_of(shipped(), shown)
    folder = tmp_path_factory.mktemp("page") / "site"
    write_folder(folder, KIND, page_files(page, glance_of(shipped(), shown, page)).items())
    return f"file://{folder}/index.html"


@pytest.fixture(scope="module")
def driver(chromium: tuple[str, str]) -> Iterator[WebDriver]:
    """Yield a browser without a window."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium[0]
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromium[1]))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(driver: WebDriver) -> Iterator[WebDriver]:
    """Yield the browser, wide and light; afterwards nothing may be in its console or have run."""
    _look(driver, "wide", "light")
    driver.get_log("browser")
    yield driver
    assert [] == driver.get_log("browser")
    assert driver.execute_script("return window.hit === undefined")


def _look(driver: WebDriver, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "narrow"},
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )


def _open(driver: WebDriver, address: str, view: str) -> None:
    driver.get("about:blank")
    driver.get(f"{address}#{view}")


def _all(driver: WebDriver, selector: str) -> list[Any]:
    return [each for each in driver.find_elements("css selector", selector) if each.is_displayed()]


def _one(driver: WebDriver, selector: str) -> Any:
    (found,) = _all(driver, selector)
    return found


def _arrive(driver: WebDriver, heading: str) -> None:
    """Wait for the view of that *heading*: a link is followed in a while, and not at once."""
    from selenium.webdriver.support.wait import WebDriverWait

    script = "return document.querySelector('main section:not([hidden]) h1').textContent"
    seen = WebDriverWait(driver, 20)
    seen.until(lambda driver: driver.execute_script(script) == heading, f"not at {heading!r}")


def _press(driver: WebDriver, *keys: str) -> None:
    for key in keys:
        driver.switch_to.active_element.send_keys(key)


def _migrate(driver: WebDriver, start: str, end: str, vm: str = "") -> None:
    for field, name in (("from", start), ("to", end), ("moved", vm)):
        box = _one(driver, f"#{field}")
        box.clear()
        box.send_keys(name)
    _one(driver, "#migrate button").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(browser: WebDriver, address: str, size: str, scheme: str) -> None:
    """Contrast, landmarks, names and roles of every view, and no view is wider than the screen."""
    spec = importlib.util.find_spec("axe_core_python")
    assert spec is not None
    assert spec.origin is not None
    axe = Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    _look(browser, size, scheme)
    for view in VIEWS:
        _open(browser, address, view)
        if view == "matrix":
            _all(browser, "#grid td")[0].click()
        if view == "migrate":
            _migrate(browser, "node-0000", "node-0007")
        _keep(browser, f"{view.partition('/')[0]}-{size}-{scheme}")
        wide = "return document.documentElement.scrollWidth <= window.innerWidth"
        assert browser.execute_script(wide), view
        browser.execute_script(axe)
        found = browser.execute_async_script(
            "const done = arguments[0]; axe.run(document).then((found) => done(found))"
        )
        assert {"color-contrast", "region"} <= {rule["id"] for rule in found["passes"]}, view
        assert [] == [(rule["id"], rule["nodes"]) for rule in found["violations"]], view


def _keep(driver: WebDriver, name: str) -> None:
    folder = os.environ.get("PLATFORM_ABI_SCREENSHOTS")
    if folder:
        driver.save_screenshot(str(Path(folder, f"{name}.png")))


def test_each_cell_is_what_a_check_says(browser: WebDriver, address: str) -> None:
    """What is seen of a million cells, at their start and far within, is the library's."""
    for scroll in ((0, 0), (20_000, 9_000)):
        _open(browser, address, "matrix")
        browser.execute_script(
            "document.getElementById('matrix').scrollTo(...arguments)", *scroll[::-1]
        )
        browser.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
        )
        hosts, *rows = browser.execute_script(
            "return [...document.getElementById('grid').rows]"
            ".map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
        assert len(rows) > 5
        for vm, *cells in rows:
            abi = locks()[VMS[vm]][2]
            for host, cell in zip(hosts[1:], cells, strict=True):
                assert MARKS[pa.check(shipped(), abi, reports()[HOSTS[host]]).status] == cell
    # The first names are hostile ones, the others are from the middle.
    assert rows[0][0].startswith("vm-0")


def test_the_matrix_is_searched_and_filtered(browser: WebDriver, address: str) -> None:
    """By name, by what one is, by how many hosts can have it, and by kind."""
    _open(browser, address, "matrix")
    count = _one(browser, "#matrix-count")
    assert f"{len(VMS)} VMs, {len(HOSTS)} hosts" == count.text
    _one(browser, "#find-vm").send_keys("q35 vm-000")
    of_q35 = [n for n in range(10) if "q35" in locks()[n % len(locks())][2].vm.machine]
    assert f"{len(of_q35)} VMs, {len(HOSTS)} hosts" == count.text
    _one(browser, "#find-host").send_keys("node-0007")
    assert f"{len(of_q35)} VMs, 1 hosts" == count.text
    _one(browser, "#find-host").send_keys("x")
    assert f"{len(of_q35)} VMs, 0 hosts" == count.text
    assert [] == _all(browser, "#grid")
    for box in ("#find-vm", "#find-host"):
        _one(browser, box).clear()
    _one(browser, "#by-kind").click()
    assert f"{len(locks())} lockfiles, {len({*HOSTS.values()})} kinds of host" == count.text
    _one(browser, "#which option[value=none]").click()
    assert f"0 lockfiles, {len({*HOSTS.values()})} kinds of host" == count.text


def test_keys_go_through_the_matrix(browser: WebDriver, address: str) -> None:
    """Arrows, pages, ends; one cell is in the order of Tab, and the chosen one says why."""
    from selenium.webdriver import Keys

    _open(browser, address, "matrix")
    assert 1 == len(_all(browser, "#grid td[tabindex='0']"))
    _all(browser, "#grid td")[0].click()
    for keys, row, column in (
        ([Keys.DOWN], 3, 2),
        ([Keys.RIGHT, Keys.RIGHT], 3, 4),
        ([Keys.CONTROL + Keys.END], len(VMS) + 1, len(HOSTS) + 1),
        ([Keys.DOWN, Keys.RIGHT], len(VMS) + 1, len(HOSTS) + 1),
        ([Keys.UP, Keys.HOME], len(VMS), 2),
        ([Keys.CONTROL + Keys.HOME], 2, 2),
        ([Keys.PAGE_DOWN, Keys.PAGE_UP], 2, 2),
    ):
        _press(browser, *keys)
        focused = browser.switch_to.active_element
        place = "return [arguments[0].parentNode.ariaRowIndex, arguments[0].ariaColIndex]"
        assert [str(row), str(column)] == browser.execute_script(place, focused)
        assert "true" == focused.get_attribute("aria-selected")
        assert focused.get_attribute("title") == focused.get_attribute("aria-label")
    first_vm, first_host = min(VMS), min(HOSTS)
    assert f"{first_vm} on {first_host}" == _one(browser, "#why h2").text
    _press(browser, Keys.ENTER)
    _arrive(browser, f"VM {first_vm}")


def test_the_matrix_stays_fluid(browser: WebDriver, address: str) -> None:
    """However far one scrolls, the page has the cells that are seen and no more."""
    _open(browser, address, "matrix")
    few, seen = browser.execute_async_script(
        """
        const done = arguments[0], matrix = document.getElementById("matrix");
        let step = 0, most = 0;
        function next() {
          most = Math.max(most, document.querySelectorAll("#grid td").length);
          matrix.scrollTo(step * 160, step * 560);
          step += 1;
          if (step < 100) requestAnimationFrame(next);
          else done([most, document.querySelector("#grid tbody th").textContent]);
        }
        next();
        """
    )
    assert few < 2000
    assert seen.startswith("vm-1")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_no_html(browser: WebDriver, address: str, name: str) -> None:
    """In the list, as a title, in a link, in the form: text, and nothing of it runs."""
    _open(browser, address, f"host/{quote(name, safe='')}")
    _arrive(browser, f"Host {name}")
    _open(browser, address, "vms")
    script = "document.getElementById('find-list').value = arguments[0]; "
    script += "document.getElementById('find-list').dispatchEvent(new Event('input'));"
    script += "return [...document.querySelectorAll('#list a')].map((link) => link.textContent)"
    assert name in browser.execute_script(script, name.strip())
    link = next(a for a in _all(browser, "#list a") if a.get_property("textContent") == name)
    link.click()
    _arrive(browser, f"VM {name}")
    assert [] == _all(browser, "main b, main img")


def test_one_has_what_is_said_of_all_others(browser: WebDriver, address: str) -> None:
    """A VM's view has every host, in the verdict on it, with the reasons; a host's has every VM."""
    _open(browser, address, "vm/vm-0001")
    statuses: dict[str, int] = {}
    for kind in HOSTS.values():
        status = pa.check(shipped(), locks()[1][2], reports()[kind]).status
        statuses[status] = statuses.get(status, 0) + 1
    counted: dict[str, int] = {}
    script = (
        "return [...document.querySelectorAll('#one-verdicts h2')]"
        ".map((title) => [title.firstChild.classList[1], title.lastChild.textContent])"
    )
    for status, count in browser.execute_script(script):
        counted[status] = counted.get(status, 0) + int(count.split()[0])
    assert statuses == counted
    assert "capability-missing" in _one(browser, "#one-verdicts").text
    host = _all(browser, "#one-verdicts a")[0]
    name = host.get_property("textContent")
    host.click()
    _arrive(browser, f"Host {name}")
    assert _one(browser, "nav a[aria-current=page]").text == "Hosts"
    browser.back()
    _arrive(browser, "VM vm-0001")
    _open(browser, address, "vm/nobody")
    _arrive(browser, "No VM is called nobody")


def test_the_form_says_who_can_migrate(browser: WebDriver, address: str) -> None:
    """Of one VM and of all what a check of a migration says; what is not there is said."""
    _open(browser, address, "migrate")
    for start, end in (("node-0000", "node-0007"), ("node-0007", "node-0008")):
        found = pa.check_migration(
            shipped(), locks()[1][2], reports()[HOSTS[start]], reports()[HOSTS[end]]
        )
        can = "cannot" if found.status == "blocked" else "can"
        _migrate(browser, start, end, "vm-0001")
        assert f"vm-0001 {can} move from {start} to {end} and come back" == (
            _one(browser, "#moves h2").text
        )
        said = _one(browser, "#moves").text
        for way in (found.forward, found.back):
            assert all(finding.message in said for finding in way.findings)
    _migrate(browser, "node-0000", "node-0000")
    movable = sum(
        pa.check_migration(shipped(), locks()[k][2], reports()[0], reports()[0]).status != "blocked"
        for k in VMS.values()
    )
    assert _one(browser, "#moves h2").text.startswith(f"{movable} of {len(VMS)} VMs can move")
    _migrate(browser, "node-0000", "node-9999")
    assert "no host of the fleet is called “node-9999”" == _one(browser, "#migrate-error").text
    assert "to" == browser.switch_to.active_element.get_attribute("id")
    assert "true" == _one(browser, "#to").get_attribute("aria-invalid")
    assert "" == browser.execute_script("return document.getElementById('moves').textContent")
