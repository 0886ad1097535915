"""What a screen reader is told of a page: Chromium's accessibility tree."""

from playwright.sync_api import Page

# Of what one can move or look at; Chromium's roles in small letters.
TOLD = {
    "slider",
    "combobox",
    "checkBox",
    "checkbox",
    "button",
    "image",
    "application",
    "progressIndicator",
    "spinbutton",
}


def named(page: Page) -> dict[str, str]:
    """The name of everything that one can move or look at, by a number and its role; empty where it has none."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    told = [
        (each["role"]["value"].lower(), each.get("name", {}).get("value", "")) for each in nodes if not each["ignored"]
    ]
    return {f"{i} {role}": name.strip() for i, (role, name) in enumerate(told) if role in TOLD}
