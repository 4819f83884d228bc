// Results of the search show excerpts of pages, which browsers do not let a page read that was opened as a file.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
