/** Returns the code of an error of the operating system, for example `ENOENT`; undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "there is no space left on the disk",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  ENOENT: "it does not exist",
  EEXIST: "it already exists",
  ELOOP: "it is a symbolic link, or leads through too many of them",
  ENXIO: "it is a pipe, not a file",
  ENAMETOOLONG: "the path is too long",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  ENOMEM: "there is not enough memory",
};

/** Returns the reason of an error in plain words, without the jargon of the operating system where possible. */
export function reasonOf(error: unknown): string {
  const code = errorCode(error) ?? "";
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
