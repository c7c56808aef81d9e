/** Returns a size of memory for people, with at most one decimal, for example `1.5 GiB`. */
export function sizeText(bytes: number): string {
  const [unit, name] = bytes >= 1024 ** 3 ? [1024 ** 3, "GiB"] : [1024 ** 2, "MiB"];
  return `${String(Number((bytes / unit).toFixed(1)))} ${name}`;
}
