"""Is the endpoint one of Braze's, and may keys go there? Asked of the text alone."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from urllib.parse import urlsplit

from heaptui.errors import UsageError
from heaptui.model.checks import Check, CheckId, CheckState
from heaptui.model.instances import check_host, host_of, is_loopback, normal_endpoint
from heaptui.model.remedies import Cause
from heaptui.services.cluster_finder import CLUSTERS, Cluster, cluster_at


def parts_of_endpoint(endpoint: str) -> tuple[str, str, int]:
    """(scheme, host, port) of a normal endpoint."""
    parts = urlsplit(endpoint)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def check_endpoint(given: str, allowed: Sequence[str], clusters: Sequence[Cluster]) -> Check:
    """The shape of what was given, and the cluster it means."""

    def failed(cause: Cause, detail: str) -> Check:
        return Check(CheckId.ENDPOINT, CheckState.FAILED, detail, given.strip(), cause=cause)

    if not given.strip():
        return failed(Cause.NO_ENDPOINT, "none given")
    try:
        endpoint = normal_endpoint(given)
    except UsageError as error:
        return failed(Cause.NO_ENDPOINT, error.title)
    host = host_of(endpoint)
    if given.strip().startswith("http://") and not is_loopback(host):
        return failed(Cause.NOT_HTTPS, f"{given.strip()} is not HTTPS; no key was sent")
    cluster = cluster_at(endpoint, clusters)
    if cluster is None:
        try:
            check_host(endpoint, allowed)
        except UsageError as error:
            return failed(Cause.UNKNOWN_HOST, f"{error.title}{_nearest(host, clusters)}")
    named = cluster.name if cluster else ("this machine" if is_loopback(host) else "allowed in the profile")
    written = host_of(given if "//" in given else f"https://{given}")
    origin = f" (from {written})" if written and written != host else ""
    return Check(CheckId.ENDPOINT, CheckState.OK, f"{named}, {host}{origin}", given.strip())


def _nearest(host: str, clusters: Sequence[Cluster]) -> str:
    """The host that was probably meant; SDK addresses are the most frequent mistake."""
    names = {host_of(cluster.endpoint): cluster for cluster in clusters}
    meant = host.replace("sdk.", "rest.", 1) if host.startswith("sdk.") else host
    near = [meant] if meant in names else get_close_matches(meant, names, n=1, cutoff=0.8)
    return f" Did you mean {near[0]}?" if near else ""


def endpoint_doubt(given: str, allowed: Sequence[str]) -> str:
    """Why an endpoint is probably none of Braze's, in a sentence; empty where it looks right, or none is given."""
    found = check_endpoint(given, allowed, CLUSTERS)
    return found.detail if given.strip() and found.state is CheckState.FAILED else ""
