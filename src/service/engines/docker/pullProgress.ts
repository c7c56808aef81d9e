import { reasonOf } from "../../../ground/systemErrors.ts";

type Line = Readonly<Record<string, unknown>>;

/** Time between two reports, in milliseconds. */
const reportIntervalInMs = 5000;
/** Messages of a layer after which the engine does nothing more for it. */
const finished = /^(pull complete|already exists|download complete)$/i;

/** Messages of a layer after which the engine unpacks it. podman says nothing more of it, also when it is done. */
const unpacking = /^(download complete|verifying checksum|extracting)$/i;

/** The progress of a pull: reads the lines of the engine, and reports now and then. */
export class PullProgress {
  readonly #reference: string;
  readonly #report: (text: string) => void;
  readonly #layers = new Map<string, { status: string; current: number; total: number }>();
  #reportedAt = performance.now();
  #last = "";

  constructor(reference: string, report: (text: string) => void) {
    this.#reference = reference;
    this.#report = report;
  }

  /** Whether the engine may be unpacking a layer. podman prints nothing while it does so. */
  get isUnpacking(): boolean {
    return [...this.#layers.values()].some(({ status, current, total }) => {
      return unpacking.test(status) || (!finished.test(status) && total > 0 && current >= total);
    });
  }

  /**
   * Takes a line of the engine. Returns whether it shows progress. A line that is repeated shows none while layers arrive.
   * @throws Error with the message of the engine if the pull has failed.
   */
  add(line: Line): boolean {
    const { error, errorDetail } = line as { error?: unknown; errorDetail?: { message?: unknown } };
    const failure = errorDetail?.message ?? error;
    if (failure !== undefined) throw new Error(reasonOf(failure));
    const text = JSON.stringify(line);
    if (text === this.#last) return this.isUnpacking; // podman repeats what it said last.
    this.#last = text;
    this.#note(line);
    const now = performance.now();
    if (now - this.#reportedAt >= reportIntervalInMs && this.#layers.size > 0) {
      this.#reportedAt = now;
      this.#report(this.#sentence());
    }
    return true;
  }

  /** Reports that the pull has succeeded. */
  finish(): void {
    this.#report(`The image ${this.#reference} was pulled.`);
  }

  #note({ id, status, progressDetail }: Line): void {
    if (typeof id !== "string" || typeof status !== "string" || !/^[0-9a-f]{12}/.test(id)) return;
    const { current, total } = (progressDetail ?? {}) as { current?: unknown; total?: unknown };
    const known = this.#layers.get(id);
    const isDownload = /^(downloading|pulling)/i.test(status);
    this.#layers.set(id, {
      status,
      current: isDownload && typeof current === "number" ? current : (known?.current ?? 0),
      total: isDownload && typeof total === "number" ? total : (known?.total ?? 0),
    });
  }

  #sentence(): string {
    const layers = [...this.#layers.values()];
    const done = layers.filter(({ status }) => finished.test(status)).length;
    const total = layers.reduce((sum, layer) => sum + layer.total, 0);
    const current = layers.reduce((sum, layer) => sum + (finished.test(layer.status) ? layer.total : layer.current), 0);
    const size = total === 0 ? "" : `, ${megabytes(current)} of ${megabytes(total)} MB of those that are known`;
    return `Pulling the image ${this.#reference}: ${String(done)} of ${String(layers.length)} layers${size}.`;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
