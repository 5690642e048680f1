"""Spiders, one file per site or kind of site. They are ordinary Scrapy spiders; `acquisition` never imports them."""
