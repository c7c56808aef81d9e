/** Longest `NAME=value` of a variable in bytes, with all references replaced: what Linux allows for one string. */
export const longestVariable = 131_071;

/** Longest command line, and so longest text in a request, in bytes: with its quotes and options, one string for Linux. */
export const longestCommandLine = 128_000;
