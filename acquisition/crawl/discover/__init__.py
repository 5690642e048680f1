"""What a page, a sitemap or a feed leads to. Pure: bytes and addresses in, values out; nothing here fetches.

charset   in which encoding a body is read, and who said so
page      HTML from strangers, parsed once
links     the addresses that a page invites to follow
media     images, sounds and videos with every caption, and the license nearest to each
sitemaps, feeds   addresses that a site lists itself
select    CSS selectors that a declaration writes
scope     which addresses a crawl takes
"""
