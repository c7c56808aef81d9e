import { connect } from "node:net";
import type { Socket } from "node:net";

/** A response. */
export interface Answer {
  readonly status: number;
  /** Length of the body in bytes. */
  readonly length: number;
  /** The body, if it was requested or describes an error. */
  readonly text: string;
}

/** An expected response. */
interface Expected {
  readonly hasBody: boolean;
  readonly wantsText: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

const endOfHead = Buffer.from("\r\n\r\n");

/**
 * A connection with a minimal HTTP client. It always reads into the same block of memory, so the benchmark measures the
 * server and not the client.
 */
export class Connection {
  readonly #socket: Socket;
  #expected: Expected | undefined;
  /** Received part of a head, or of the line with the size of a chunk. */
  #line = Buffer.alloc(0);
  #part: "head" | "body" | "chunk size" | "chunk" | "end" = "head";
  #left = 0;
  #status = 0;
  #length = 0;
  #text: Buffer[] = [];
  /** Time of the last use. */
  lastUsed = performance.now();

  constructor(port: number) {
    const buffer = Buffer.allocUnsafeSlow(256 * 1024);
    const callback = (length: number): boolean => {
      this.#read(buffer.subarray(0, length));
      return true;
    };
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer, callback } });
    this.#socket.on("error", (error) => this.#expected?.reject(error));
    this.#socket.on("close", () => this.#expected?.reject(new Error("The server closed the connection.")));
  }

  /** Whether another request can be sent. */
  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /** Sends a head, calls `sendBody` with the socket, and resolves with the response. */
  send(head: string, sendBody: (socket: Socket) => void, expects: Pick<Expected, "hasBody" | "wantsText">) {
    return new Promise<Answer>((resolve, reject) => {
      this.#expected = { ...expects, resolve, reject };
      this.#socket.cork();
      this.#socket.write(head, "latin1");
      sendBody(this.#socket);
      this.#socket.uncork();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(data: Buffer): void {
    for (let rest = data; rest.length > 0;) {
      rest = this.#part === "body" || this.#part === "chunk" ? this.#readBody(rest) : this.#readLine(rest);
    }
  }

  #readLine(data: Buffer): Buffer {
    const mark = this.#part === "head" ? endOfHead : endOfHead.subarray(2);
    const line = this.#line.length === 0 ? data : Buffer.concat([this.#line, data]);
    const end = line.indexOf(mark);
    if (end < 0) {
      this.#line = Buffer.from(line);
      return data.subarray(data.length);
    }
    this.#line = Buffer.alloc(0);
    const text = line.toString("latin1", 0, end);
    if (this.#part === "head") this.#begin(text);
    else if (this.#part === "chunk size") this.#beginChunk(text);
    else this.#finish();
    return line.subarray(end + mark.length);
  }

  #begin(head: string): void {
    this.#status = Number(head.slice(9, 12));
    this.#length = 0;
    this.#text = [];
    this.#left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#expected?.hasBody === false || this.#status === 304) this.#finish();
    else if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.#part = "chunk size";
    else if (this.#left > 0) this.#part = "body";
    else this.#finish();
  }

  /** The line before each chunk is empty, except for the first chunk. */
  #beginChunk(size: string): void {
    if (size === "") return;
    this.#left = Number.parseInt(size, 16);
    this.#part = this.#left > 0 ? "chunk" : "end";
  }

  #readBody(data: Buffer): Buffer {
    const part = data.length <= this.#left ? data : data.subarray(0, this.#left);
    this.#left -= part.length;
    this.#length += part.length;
    if (this.#expected?.wantsText === true || this.#status >= 300) this.#text.push(Buffer.from(part));
    if (this.#left === 0 && this.#part === "body") this.#finish();
    else if (this.#left === 0) this.#part = "chunk size";
    return data.subarray(part.length);
  }

  #finish(): void {
    const answered = this.#expected;
    this.#part = "head";
    this.#expected = undefined;
    this.lastUsed = performance.now();
    answered?.resolve({ status: this.#status, length: this.#length, text: Buffer.concat(this.#text).toString() });
  }
}
