import { deserialize } from "../../wire/deserialize.ts";
import type { ModelSchema } from "../../wire/schema.ts";

const most = 500;
/** Longer texts are parsed each time, so that a few large resources do not fill the memory. */
const longestText = 16 * 1024;

/**
 * The models of the texts that were read last, by the key of their resource. Most requests read the same few resources. The
 * text decides, not the key: a model is never older than what the database contains. Models are shared; do not change
 * them.
 */
export class ParsedModels {
  readonly #parsed = new Map<string, { readonly text: string; readonly model: unknown }>();

  /** Returns the model of a text. */
  parse<T>(schema: ModelSchema<T>, key: string, text: string): T {
    const known = this.#parsed.get(key);
    if (known?.text === text) {
      this.#keep(key, known);
      return known.model as T;
    }
    const model = deserialize(schema, JSON.parse(text));
    if (text.length <= longestText) this.#keep(key, { text, model });
    return model;
  }

  remove(key: string): void {
    this.#parsed.delete(key);
  }

  /** Keeps an entry as the latest one, and drops the oldest one if there are too many. */
  #keep(key: string, entry: { readonly text: string; readonly model: unknown }): void {
    this.#parsed.delete(key);
    this.#parsed.set(key, entry);
    if (this.#parsed.size <= most) return;
    for (const oldest of this.#parsed.keys()) {
      this.#parsed.delete(oldest);
      return;
    }
  }
}
