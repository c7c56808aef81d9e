import { existsSync } from "node:fs";

/** Path of the library of Debian's package `faketime`, which fakes the clock of a process; undefined without it. */
export const clockLibrary = ["x86_64-linux-gnu/", "aarch64-linux-gnu/", ""]
  .map((folder) => `/usr/lib/${folder}faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path));
