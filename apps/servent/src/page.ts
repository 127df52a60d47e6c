/** Files of a page of the library or of a folder that is fetched: what the API gives at a time, and its clients ask for. */
export const PAGE_FILES_MAX = 1000
