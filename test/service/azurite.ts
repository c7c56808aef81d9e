import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { until } from "../until.ts";
import { mountObstacle } from "./mountObstacle.ts";

/** Reason why tests cannot mount containers of Azurite; undefined if they can. `BATCHAI_TEST_AZURITE` makes a lack a failure. */
export function mountTestsObstacle(): string | undefined {
  const azurite = process.env.BATCHAI_TEST_AZURITE;
  if (azurite === undefined) return "BATCHAI_TEST_AZURITE is not set";
  const obstacle = mountObstacle();
  if (obstacle !== undefined) throw new Error(`BATCHAI_TEST_AZURITE is set, but ${obstacle}`);
  if (!existsSync(scriptIn(azurite))) throw new Error(`BATCHAI_TEST_AZURITE has no azurite: ${scriptIn(azurite)}`);
  return undefined;
}

function scriptIn(azurite: string): string {
  return join(azurite, "node_modules/azurite/dist/src/blob/main.js");
}

/**
 * Microsoft's Azurite, with an account that the service does not host, and a mount namespace in which its host name is
 * known. What is mounted in the namespace disappears with it, so a test that fails leaves nothing.
 */
export class Azurite {
  readonly accountName = "elsewhere";
  readonly accountKey = Buffer.from("key of the account elsewhere").toString("base64");
  readonly suffix: string;
  readonly certificate: string;
  readonly #port: number;
  readonly #server: ChildProcess;
  readonly #namespace: ChildProcess;

  private constructor(certificate: string, port: number, server: ChildProcess, namespace: ChildProcess) {
    this.certificate = certificate;
    this.#port = port;
    this.suffix = `localhost:${String(port)}`;
    this.#server = server;
    this.#namespace = namespace;
  }

  static async start(folder: string): Promise<Azurite> {
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const names = "subjectAltName=DNS:localhost,DNS:*.blob.localhost";
    const options = [
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=localhost",
      "-addext",
      names,
    ];
    execFileSync("openssl", ["req", ...options, "-keyout", key, "-out", certificate], { stdio: "ignore" });
    const hosts = join(folder, "hosts");
    writeFileSync(hosts, `${readFileSync("/etc/hosts", "utf8")}\n127.0.0.1 elsewhere.blob.localhost\n`);
    const script = `mount --bind "${hosts}" /etc/hosts && echo ready && exec sleep infinity`;
    const namespace = spawn("unshare", ["-m", "--", "bash", "-c", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(namespace.stdout, "data");
    const server = serverIn(folder, key, certificate);
    let output = "";
    server.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
    const port = () => Number(/successfully listens on https:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1] ?? 0);
    await until("Azurite listens", () => port() > 0);
    return new Azurite(certificate, port(), server, namespace);
  }

  /** What starts a program in the namespace. */
  get prefix(): string[] {
    return ["nsenter", "-t", String(this.#namespace.pid), "-m", "--"];
  }

  /** Variables with which programs trust Azurite. */
  get trust(): Record<string, string> {
    return { SSL_CERT_FILE: this.certificate, NODE_EXTRA_CA_CERTS: this.certificate };
  }

  /** Mount points of the service in the namespace. */
  mounts(): string[] {
    const table = readFileSync(`/proc/${String(this.#namespace.pid)}/mountinfo`, "utf8").split("\n");
    return table.map((line) => line.split(" ")[4] ?? "").filter((target) => target.includes("/volumes/"));
  }

  async createContainer(name: string): Promise<void> {
    await this.#send("PUT", `/${name}?restype=container`);
  }

  async put(container: string, blob: string, content: string): Promise<void> {
    await this.#send("PUT", `/${container}/${blob}`, content);
  }

  /** Names and contents of all blobs of a container. */
  async blobs(container: string): Promise<Record<string, string>> {
    const list = await this.#send("GET", `/${container}?comp=list&restype=container`);
    const names = [...list.matchAll(/<Name>([^<]+)<\/Name>/g)].map(([, name = ""]) => name);
    const contents = names.map(async (name) => [name, await this.#send("GET", `/${container}/${name}`)] as const);
    return Object.fromEntries(await Promise.all(contents));
  }

  /** Downloads a link of the account, as its clients would. */
  async download(url: string): Promise<string> {
    const { pathname, search } = new URL(url);
    return await this.#request("GET", `${pathname}${search}`, {});
  }

  /** How a job or cluster mounts a container. */
  volume(containerName: string, relativeMountPath = "blob"): Record<string, unknown> {
    const { accountName, accountKey } = this;
    return { accountName, containerName, credentials: { accountKey }, relativeMountPath };
  }

  async stop(): Promise<void> {
    for (const child of [this.#server, this.#namespace]) {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
  }

  async #send(method: string, path: string, content?: string): Promise<string> {
    const headers: Record<string, string> = {
      "x-ms-date": new Date().toUTCString(),
      "x-ms-version": "2020-10-02",
      ...(content === undefined ? {} : { "x-ms-blob-type": "BlockBlob" }),
    };
    const length = content === undefined || content === "" ? "" : String(Buffer.byteLength(content));
    const signed = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
    const [pathname = "", query = ""] = path.split("?");
    const text = [
      ...[method, "", "", length, "", "", "", "", "", "", "", ""],
      ...signed.map(([name, value]) => `${name}:${value}`),
      [
        `/${this.accountName}${pathname}`,
        ...query
          .split("&")
          .filter(Boolean)
          .map((part) => part.replace("=", ":")),
      ].join("\n"),
    ].join("\n");
    const signature = createHmac("sha256", Buffer.from(this.accountKey, "base64")).update(text).digest("base64");
    const authorization = `SharedKey ${this.accountName}:${signature}`;
    return await this.#request(method, path, { ...headers, authorization }, content);
  }

  #request(method: string, path: string, headers: Record<string, string>, content?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const host = `${this.accountName}.blob.localhost:${String(this.#port)}`;
      const length = content === undefined ? {} : { "content-length": String(Buffer.byteLength(content)) };
      const sent = request(
        {
          ...{ host: "127.0.0.1", port: this.#port, method, path, ca: readFileSync(this.certificate) },
          ...{ servername: "localhost", headers: { host, ...length, ...headers } },
        },
        (response) => {
          let body = "";
          response.setEncoding("utf8").on("data", (part: string) => (body += part));
          response.on("end", () => {
            if ((response.statusCode ?? 500) < 300) resolve(body);
            else reject(new Error(`${method} ${path} answered ${String(response.statusCode)}: ${body}`));
          });
        },
      );
      sent.on("error", reject);
      sent.end(content);
    });
  }
}

function serverIn(folder: string, key: string, certificate: string): ChildProcess {
  const script = scriptIn(process.env.BATCHAI_TEST_AZURITE ?? "");
  const address = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--location", join(folder, "azurite")];
  const options = ["--cert", certificate, "--key", key, "--skipApiVersionCheck", "--silent", "--disableTelemetry"];
  const account = `elsewhere:${Buffer.from("key of the account elsewhere").toString("base64")}`;
  return spawn(process.execPath, [script, ...address, ...options], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, AZURITE_ACCOUNTS: account },
  });
}
