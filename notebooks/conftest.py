"""nbval: what is not compared, because it holds numbers of the moment or is drawn for the eye."""


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "image/svg+xml", "application/vnd.kdviz.view+json", "stderr")
