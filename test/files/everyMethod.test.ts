import {
  ShareClient,
  ShareDirectoryClient,
  ShareFileClient,
  ShareLeaseClient,
  ShareServiceClient,
} from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directoryCases } from "./everyDirectoryMethod.ts";
import { fileCases } from "./everyFileMethod.ts";
import { leaseCases } from "./everyLeaseMethod.ts";
import { newWorld } from "./everyMethod.ts";
import type { Cases } from "./everyMethod.ts";
import { serviceCases } from "./everyServiceMethod.ts";
import { shareCases } from "./everyShareMethod.ts";
import { startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

/**
 * Steps of public methods that TypeScript hides and JavaScript does not: pages of lists, and the way that all uploads of
 * content of a known length take.
 */
const innerSteps = /(Segments?|Items)$|^uploadSeekableInternal$/;

const clients: readonly (readonly [{ readonly name: string; readonly prototype: object }, Cases])[] = [
  [ShareServiceClient, serviceCases],
  [ShareClient, shareCases],
  [ShareDirectoryClient, directoryCases],
  [ShareFileClient, fileCases],
  [ShareLeaseClient, leaseCases],
];

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

describe.each(clients.map(([client, cases]) => ({ name: client.name, prototype: client.prototype, cases })))(
  "every method of $name",
  ({ prototype, cases }) => {
    it("has a case here", () => {
      const methods = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
      expect(methods.filter((name) => !innerSteps.test(name)).sort()).toEqual(Object.keys(cases).sort());
    });

    it.each(Object.entries(cases))("%s", async (_, check) => {
      expect.hasAssertions();
      await check(await newWorld(fixture));
      expect(fixture.logged).toEqual([]);
    });
  },
);
