"""Scrapy as the engine of spiders: its requests go through the frontier, its downloads through the visitor.

Everything here uses Scrapy's documented interfaces: a download handler, a scheduler, middlewares, signals and settings.
"""
