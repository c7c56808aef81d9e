import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

/**
 * The package as users get it: built, packed, and unpacked in the `node_modules` of an otherwise empty project that has
 * nothing but the package's own `dependencies`.
 */
export class InstalledPackage {
  /** The project that uses the package. */
  readonly project: string;
  /** The file that would be published. */
  readonly tarball: string;
  /** Paths of all files in the tarball. */
  readonly packed: readonly string[];
  readonly manifest: Manifest;
  readonly #folder: string;

  private constructor(folder: string, project: string, tarball: string, packed: readonly string[], manifest: Manifest) {
    this.#folder = folder;
    this.project = project;
    this.tarball = tarball;
    this.packed = packed;
    this.manifest = manifest;
  }

  static async install(): Promise<InstalledPackage> {
    const folder = await mkdtemp(join(tmpdir(), "batchai-package-"));
    try {
      return await InstalledPackage.#installInto(folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  static async #installInto(folder: string): Promise<InstalledPackage> {
    const staged = join(folder, "staged");
    await mkdir(staged);
    for (const file of ["package.json", "LICENSE", "README.md", "CHANGELOG.md"]) await cp(file, join(staged, file));
    await run("tsup", ["--silent", "--out-dir", join(staged, "dist")]);
    const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
      cwd: staged,
    });
    const [tarball] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];

    const project = join(folder, "project");
    const installed = join(project, "node_modules/batchai");
    await mkdir(installed, { recursive: true });
    await run("tar", ["-xzf", join(folder, tarball.filename), "-C", installed, "--strip-components=1"]);
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Manifest;
    const result = new InstalledPackage(
      folder,
      project,
      join(folder, tarball.filename),
      tarball.files.map(({ path }) => path),
      manifest,
    );
    for (const name of Object.keys(manifest.dependencies)) await result.link(name);
    return result;
  }

  /** Puts a package of this repository beside the installed one. */
  async link(name: string): Promise<void> {
    const place = join(this.project, "node_modules", name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(process.cwd(), "node_modules", name), place);
  }

  /** Absolute path of a file of the installed package. */
  path(file: string): string {
    return join(this.project, "node_modules/batchai", file);
  }

  /** Text of a file of the installed package. */
  read(file: string): Promise<string> {
    return readFile(this.path(file), "utf8");
  }

  /** Makes an empty folder that is removed with the package. */
  newFolder(name: string): Promise<string> {
    return mkdtemp(join(this.#folder, `${name}-`));
  }

  /** Runs a script inside the project, as a module or as CommonJS, and answers the JSON that it prints. */
  async evaluate(format: "module" | "commonjs", script: string, node = process.execPath): Promise<unknown> {
    const { stdout } = await run(node, [`--input-type=${format}`, "--eval", script], {
      cwd: this.project,
      timeout: 120_000,
    });
    return JSON.parse(stdout);
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What a JavaScript or declaration file imports, statically or not. */
export function importsOf(text: string): string[] {
  const specifier = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["']([^"'\s]+)["']/g;
  return [...new Set([...text.matchAll(specifier)].map((match) => match[1] ?? ""))].sort();
}
