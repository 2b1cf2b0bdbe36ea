"""The only place that knows an HTTP library. Sockets, pools, TLS and HTTP are done by libraries.

Async requests go through aiohttp (behind httpx's transport interface, by httpx-aiohttp), sync
ones through httpx's own transport; HTTP/2, SOCKS and https:// proxies through httpx's transports
in both. A client of the user's own replaces either.
"""
