import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../ground/atomicFile.ts";
import type { SqliteFile } from "../../ground/sqlite.ts";

/**
 * Secrets at rest: passwords, account keys, secret variables. They are sealed with AES-256-GCM under a key in a
 * file beside the database (`secret.key`, mode 0600), so a copy of the database alone does not reveal them.
 */
export class Vault {
  readonly #database: SqliteFile;
  readonly #key: Buffer;

  private constructor(database: SqliteFile, key: Buffer) {
    this.#database = database;
    this.#key = key;
  }

  /**
   * Opens the vault of a data folder; creates its key at the first start.
   * @throws Error if the key is damaged, or missing although secrets were sealed with it, or if only the key is left.
   */
  static open(dataDir: string, database: SqliteFile): Vault {
    const file = join(dataDir, "secret.key");
    if (!existsSync(file)) {
      if (database.get("SELECT 1 FROM secrets LIMIT 1")) {
        throw new Error(`${file} is missing: without it the secrets in this data folder cannot be read. Restore it.`);
      }
      writeFileAtomically(file, randomBytes(32).toString("base64"), 0o600);
    } else if (database.isNew) {
      throw new Error(`The database beside ${file} is missing or empty. Restore it, or use another data folder.`);
    }
    const key = Buffer.from(readFileSync(file, "utf8"), "base64");
    if (key.length !== 32) throw new Error(`${file} is damaged: it must hold 32 bytes in base64. Restore it.`);
    return new Vault(database, key);
  }

  /** Stores the secrets of an owner, in place of those that it had. */
  put(owner: string, secrets: Readonly<Record<string, string>>): void {
    this.#database.transaction(() => {
      this.remove(owner);
      for (const [path, secret] of Object.entries(secrets)) {
        const sealed = this.#seal(secret, `${owner}\n${path}`);
        this.#database.run("INSERT INTO secrets (owner, path, sealed) VALUES (?, ?, ?)", owner, path, sealed);
      }
    });
  }

  /** Returns all secrets of an owner by path. */
  get(owner: string): Record<string, string> {
    const secrets: Record<string, string> = {};
    for (const row of this.#database.all("SELECT path, sealed FROM secrets WHERE owner = ?", owner)) {
      const path = String(row.path);
      secrets[path] = this.#open(Buffer.from(row.sealed as Uint8Array), `${owner}\n${path}`);
    }
    return secrets;
  }

  remove(owner: string): void {
    this.#database.run("DELETE FROM secrets WHERE owner = ?", owner);
  }

  /** Returns a keyed digest, which shows whether two requests are equal without revealing their secrets. */
  digest(content: string): string {
    return createHmac("sha256", this.#key).update(content).digest("base64");
  }

  #seal(secret: string, context: string): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]);
  }

  #open(sealed: Buffer, context: string): string {
    const decipher = createDecipheriv("aes-256-gcm", this.#key, sealed.subarray(0, 12))
      .setAAD(Buffer.from(context))
      .setAuthTag(sealed.subarray(12, 28));
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString("utf8");
  }
}
