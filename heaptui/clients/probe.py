"""Looks at an address without sending any key: its name, its certificate, its clock."""

from __future__ import annotations

import asyncio
import socket
import ssl

from heaptui.clients.http import NotSent, tls_context


async def resolve(host: str, port: int) -> str:
    """The first address of a host name.

    Raises:
        NotSent: it has none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotSent(f"{host} does not resolve.", f"{error.strerror or error}.", "Check the address.") from error
    return str(found[0][4][0])


async def handshake(host: str, port: int) -> str:
    """Shake hands over TLS as every request does; the protocol's version.

    Raises:
        NotSent: no connection, or a certificate that is not accepted.
    """
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=tls_context(), server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise NotSent(f"The certificate of {host} is not accepted.", f"{error.verify_message}.") from error
    except ssl.SSLError as error:
        raise NotSent(f"{host} does not speak TLS 1.2 or newer.", f"{error.reason or error}.") from error
    except OSError as error:
        raise NotSent(f"{host} cannot be reached.", f"{error.strerror or error}.") from error
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    version = tls.version() or "TLS"
    writer.close()
    return version
