"""The only place that knows an HTTP library. Sockets, pools, TLS and HTTP are done by libraries.

Async requests go through aiohttp (by httpx-aiohttp), sync ones, HTTP/2, SOCKS and https:// proxies through httpx's
own transports. A client of the user's own replaces either.
"""
