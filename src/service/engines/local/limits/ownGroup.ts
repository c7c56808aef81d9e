import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Control group of the service in one hierarchy. */
export interface OwnGroup {
  readonly folder: string;
  /** Folder at which the hierarchy is mounted. */
  readonly mount: string;
}

/**
 * Returns the control group of this process; undefined if there is no such hierarchy, or it does not show the group.
 * @param proc - Folder of the `proc` file system.
 * @param controller - Controller of a hierarchy of version 1. Absent: the hierarchy of version 2.
 */
export function ownGroup(proc: string, controller?: string): OwnGroup | undefined {
  const mount = mountOf(proc, controller);
  const path = pathOf(proc, controller);
  if (mount === undefined || path === undefined) return undefined;
  const root = mount.root === "/" ? "" : mount.root;
  if (path.startsWith("/..") || !`${path}/`.startsWith(`${root}/`)) return undefined;
  return { folder: join(mount.folder, path.slice(root.length)), mount: mount.folder };
}

function pathOf(proc: string, controller?: string): string | undefined {
  for (const line of linesOf(join(proc, "self/cgroup"))) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const isIt =
      controller === undefined ? id === "0" && controllers === "" : controllers?.split(",").includes(controller);
    if (isIt) return path;
  }
  return undefined;
}

function mountOf(proc: string, controller?: string): { readonly root: string; readonly folder: string } | undefined {
  for (const line of linesOf(join(proc, "self/mountinfo"))) {
    const [place = "", system = ""] = line.split(" - ", 2);
    const [, , , root = "", folder = ""] = place.split(" ").map(unescaped);
    const [type, , options = ""] = system.split(" ");
    const isIt =
      controller === undefined ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller);
    if (isIt) return { root, folder };
  }
  return undefined;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}

/** The kernel writes spaces and the like as octal numbers. */
function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
