import { type IncomingMessage, request as sendRequest } from "node:http";
import { DaemonRefusal, DaemonSilence } from "./daemonErrors.ts";
import { fits, OddResponse, type Shape, shapeOf } from "./shapes.ts";

/** A request to a container engine. */
export interface DaemonRequest {
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Time until the response is complete, in milliseconds. Default: 30,000. */
  readonly timeoutInMs?: number;
  readonly abortSignal?: AbortSignal | undefined;
}

/** A request whose response has a form. */
export interface ShapedRequest<T> extends DaemonRequest {
  readonly shape: Shape<T>;
}

/** What a container engine says about itself. */
export interface DaemonFacts {
  /** For people, for example `Docker 28.1.0`. */
  readonly description: string;
  readonly isPodman: boolean;
  /** Version of the engine, as `[5, 4]`. */
  readonly version: readonly [major: number, minor: number];
}

/** What a container engine says about the security of its containers. */
export interface DaemonSecurity {
  /** Whether root in a container is the user of the engine, and not root of the machine. */
  readonly isRootless: boolean;
  /** Whether root in a container is another user unless the container asks for the machine's users. */
  readonly mapsUsers: boolean;
  readonly hasSELinux: boolean;
}

interface VersionResponse {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Components?: readonly { readonly Name: string }[] | null;
}

interface InfoResponse {
  readonly SecurityOptions?: readonly string[] | null;
}

const versionShape = shapeOf<VersionResponse>("the version of an engine", fits.version);
const lineShape = shapeOf<Readonly<Record<string, unknown>>>("lines of JSON objects", () => true);
const infoShape = shapeOf<InfoResponse>("a description of an engine", fits.info);

/** The newest version of the API that this client was written for. */
const newestApi = "1.44";
const requestTimeoutInMs = 30_000;
/** No response of an engine to this client is larger, but for lists of containers. */
const mostBytes = 32 * 1024 * 1024;

/** A container engine: the HTTP API of Docker, which podman has too, over a socket of this machine. */
export class Daemon {
  /** Address as `unix:///path`. */
  readonly address: string;
  readonly #socketPath: string;
  readonly #closing: AbortSignal | undefined;
  #api: Promise<string> | undefined;
  #facts: DaemonFacts | undefined;
  #asking: Promise<DaemonFacts> | undefined;
  #security: Promise<DaemonSecurity> | undefined;

  /** @param closing - Ends all requests: an engine that hangs must not keep the service from closing. */
  constructor(address: string, closing?: AbortSignal) {
    this.address = address;
    this.#socketPath = socketPathOf(address);
    this.#closing = closing;
  }

  /** What the engine has said about itself; undefined if it has not been asked. */
  get facts(): DaemonFacts | undefined {
    return this.#facts;
  }

  /**
   * Asks the engine what it is; everybody who asks meanwhile gets the same response, because podman needs seconds for it.
   * Rejects with a `DaemonSilence` or a `DaemonRefusal`.
   */
  ask(timeoutInMs: number): Promise<DaemonFacts> {
    this.#asking ??= this.#ask(timeoutInMs).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(timeoutInMs: number): Promise<DaemonFacts> {
    const version = await this.#send("GET", "/version", { timeoutInMs, shape: versionShape });
    this.#api = Promise.resolve(commonApi(version));
    this.#facts = factsIn(version);
    // Some engines need a second for this, and the first run wants to know.
    this.security().catch(() => undefined);
    return this.#facts;
  }

  /** Returns the security of the containers; asks the engine once. */
  security(): Promise<DaemonSecurity> {
    this.#security ??= this.call("GET", "/info", { shape: infoShape })
      .then(securityIn)
      .catch((error: unknown) => {
        this.#security = undefined;
        throw error;
      });
    return this.#security;
  }

  /**
   * Sends a request and returns the JSON of the response; undefined if no form of it is given. Rejects with a
   * `DaemonRefusal` if the engine refuses it, and with a `DaemonSilence` if no complete response of that form arrives.
   */
  call<T>(method: string, path: string, request: ShapedRequest<T>): Promise<T>;
  call(method: string, path: string, request?: DaemonRequest): Promise<undefined>;
  async call(method: string, path: string, request: DaemonRequest | ShapedRequest<unknown> = {}): Promise<unknown> {
    try {
      return await this.#send(method, `/v${await this.#commonApi()}${path}`, request);
    } catch (error) {
      if (!isOtherVersion(error)) throw error;
    }
    this.#api = undefined; // An engine of another version has taken its place.
    return this.#send(method, `/v${await this.#commonApi()}${path}`, request);
  }

  /**
   * Sends a request whose response is a stream of JSON lines, and yields them. Rejects like {@link Daemon.call}. It ends
   * only with the response or the signal.
   */
  async *lines(
    method: string,
    path: string,
    request: DaemonRequest,
  ): AsyncGenerator<Readonly<Record<string, unknown>>> {
    const response = await this.#open(method, `/v${await this.#commonApi()}${path}`, request);
    await refuseUnlessOk(response);
    let rest = "";
    try {
      for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        yield* lines.filter((line) => line.trim() !== "").map((line) => shaped(line, lineShape));
      }
      if (rest.trim() !== "") yield shaped(rest, lineShape);
    } catch (error) {
      request.abortSignal?.throwIfAborted();
      this.#closing?.throwIfAborted();
      throw new DaemonSilence(this.address, error);
    }
  }

  /** Asked once: podman starts several programs for each response, and is slow when many ask at once. */
  #commonApi(): Promise<string> {
    this.#api ??= this.#send("GET", "/version", { shape: versionShape })
      .then(commonApi)
      .catch((error: unknown) => {
        this.#api = undefined;
        throw error;
      });
    return this.#api;
  }

  #send<T>(method: string, path: string, request: ShapedRequest<T>): Promise<T>;
  #send(method: string, path: string, request: DaemonRequest): Promise<unknown>;
  async #send(
    method: string,
    path: string,
    { timeoutInMs = requestTimeoutInMs, shape, ...request }: DaemonRequest & { readonly shape?: Shape<unknown> },
  ): Promise<unknown> {
    const limit = AbortSignal.timeout(timeoutInMs);
    const signals = [limit, request.abortSignal].filter((signal) => signal !== undefined);
    try {
      const response = await this.#open(method, path, { ...request, abortSignal: AbortSignal.any(signals) });
      await refuseUnlessOk(response);
      const text = await textOf(response);
      return shape && shaped(text, shape);
    } catch (error) {
      if (error instanceof DaemonRefusal) throw error;
      request.abortSignal?.throwIfAborted();
      this.#closing?.throwIfAborted();
      const seconds = String(Math.round(timeoutInMs / 1000));
      throw new DaemonSilence(this.address, limit.aborted ? new Error(`no response in ${seconds} seconds`) : error);
    }
  }

  /** Resolves with the head of the response. */
  #open(method: string, path: string, { query, body, headers, abortSignal }: DaemonRequest): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
    const signals = [abortSignal, this.#closing].filter((signal) => signal !== undefined);
    return new Promise((resolve, reject) => {
      const request = sendRequest({
        socketPath: this.#socketPath,
        method,
        path: path + search,
        // A connection for each request: one that was kept may have been closed by an engine that restarted.
        agent: false,
        headers: {
          host: "localhost",
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
          ...headers,
        },
        signal: AbortSignal.any(signals),
      });
      request.once("response", resolve);
      request.on("error", reject);
      request.end(text);
    });
  }
}

/** @throws TypeError if the address is not that of a socket of this machine. */
export function socketPathOf(address: string): string {
  const path = address.startsWith("unix://") ? address.slice("unix://".length) : "";
  if (!path.startsWith("/"))
    throw new TypeError(`The container engine's address must be unix:///PATH, got ${address}.`);
  return path;
}

/** Whether an engine refuses a request because it does not know the version of the API. */
function isOtherVersion(error: unknown): boolean {
  return error instanceof DaemonRefusal && error.status === 400 && /client version|api version/i.test(error.message);
}

async function refuseUnlessOk(response: IncomingMessage): Promise<void> {
  const status = response.statusCode ?? 0;
  // 304: it is already so.
  if ((status >= 200 && status < 300) || status === 304) return;
  throw new DaemonRefusal(status, messageIn(await textOf(response)));
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error("the response is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function messageIn(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string") return message.trim();
  } catch {
    // Not JSON.
  }
  return text.trim() || "no reason was given";
}

/** @throws OddResponse if a text is not JSON of a form. */
function shaped<T>(text: string, shape: Shape<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new OddResponse(shape.name);
  }
  if (shape.fits(value)) return value;
  throw new OddResponse(shape.name);
}

/** Returns the newest version of the API that both sides know; the oldest of the engine if it knows only newer ones. */
function commonApi({ ApiVersion, MinAPIVersion }: VersionResponse): string {
  if (compareVersions(ApiVersion, newestApi) <= 0) return ApiVersion;
  return MinAPIVersion !== undefined && compareVersions(MinAPIVersion, newestApi) > 0 ? MinAPIVersion : newestApi;
}

function compareVersions(a: string, b: string): number {
  const [[majorA, minorA], [majorB, minorB]] = [parsedVersion(a), parsedVersion(b)];
  return majorA - majorB || minorA - minorB;
}

function parsedVersion(version: string): readonly [number, number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0)];
}

function factsIn({ Version, Components }: VersionResponse): DaemonFacts {
  const isPodman = (Components ?? []).some(({ Name }) => /podman/i.test(Name));
  return { description: `${isPodman ? "podman" : "Docker"} ${Version}`, isPodman, version: parsedVersion(Version) };
}

function securityIn({ SecurityOptions }: InfoResponse): DaemonSecurity {
  const options = (SecurityOptions ?? []).flatMap((option) => option.split(","));
  return {
    isRootless: options.includes("name=rootless"),
    mapsUsers: options.includes("name=userns"),
    hasSELinux: options.includes("name=selinux"),
  };
}
