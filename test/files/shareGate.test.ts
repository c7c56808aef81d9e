import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ShareGate } from "../../src/files/shares/shareGate.ts";
import { until } from "../until.ts";

/** Work that ends on demand. */
function task(log: string[], name: string): { work: () => Promise<string>; end: () => void } {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const work = async (): Promise<string> => {
    log.push(`${name} begins`);
    await ended;
    log.push(`${name} ends`);
    return name;
  };
  return { work, end: () => end() };
}

describe("the gate of a share", () => {
  it("allows concurrent changes, and none during exclusive work", async () => {
    const gate = new ShareGate();
    const log: string[] = [];
    const [one, two, snapshot, late] = ["one", "two", "snapshot", "late"].map((name) => task(log, name));
    if (!one || !two || !snapshot || !late) throw new Error("unreachable");
    const running = [
      gate.change("a/b", one.work),
      gate.change("a/b", two.work),
      gate.exclusive("a/b", snapshot.work),
      gate.change("a/b", late.work),
    ];
    late.end();
    snapshot.end();
    await gate.change("a/other", () => log.push("another share"));
    two.end();
    await running[1];
    one.end();
    expect(await Promise.all(running)).toEqual(["one", "two", "snapshot", "late"]);
    expect(log).toEqual([
      "one begins",
      "two begins",
      "another share",
      "two ends",
      "one ends",
      "snapshot begins",
      "snapshot ends",
      "late begins",
      "late ends",
    ]);
  });

  it("does not wait forever for a change that does not end", async () => {
    const gate = new ShareGate(20);
    const log: string[] = [];
    const [slow, first, second] = [task(log, "slow"), task(log, "first"), task(log, "second")];
    const changing = gate.change("a/b", slow.work);
    const working = [gate.exclusive("a/b", first.work), gate.exclusive("a/b", second.work)];
    second.end();
    await until("the first piece of work begins", () => log.includes("first begins"));
    await setTimeout(50);
    expect(log).toEqual(["slow begins", "first begins"]);
    first.end();
    expect(await Promise.all(working)).toEqual(["first", "second"]);
    slow.end();
    expect(await changing).toBe("slow");
    expect(log).toEqual(["slow begins", "first begins", "first ends", "second begins", "second ends", "slow ends"]);
  });

  it("is not blocked by work that fails, and does one piece of exclusive work at a time", async () => {
    const gate = new ShareGate();
    const log: string[] = [];
    const failing = gate.exclusive("a/b", () => Promise.reject(new Error("failed")));
    const [first, second] = [task(log, "first"), task(log, "second")];
    const working = [gate.exclusive("a/b", first.work), gate.exclusive("a/b", second.work)];
    second.end();
    first.end();
    await expect(failing).rejects.toThrow("failed");
    await expect(gate.change("a/b", () => Promise.reject(new Error("failed too")))).rejects.toThrow("failed too");
    expect(await Promise.all(working)).toEqual(["first", "second"]);
    expect(log).toEqual(["first begins", "first ends", "second begins", "second ends"]);
    expect(await gate.change("a/b", () => "free again")).toBe("free again");
  });
});
