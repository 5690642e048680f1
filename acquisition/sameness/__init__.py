"""When two things are one: addresses that name the same page, texts that differ in their dress alone."""
