import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, clientOf, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture, RawAnswer } from "./support.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
  await fixture.client.createShare("open");
  const file = fixture.client.getShareClient("open").rootDirectoryClient.getFileClient("file.txt");
  await file.create(3, { metadata: { colour: "red" } });
});
afterAll(() => fixture.close());

const rule = {
  allowedOrigins: "https://app.example,https://other.example",
  allowedMethods: "GET,PUT",
  allowedHeaders: "x-ms-meta-*,x-ms-version,content-type",
  exposedHeaders: "x-ms-meta-*,etag",
  maxAgeInSeconds: 60,
};

describe("the properties of the file service", () => {
  it("have sensible defaults", async () => {
    const off = { enabled: false, retentionPolicy: { enabled: false }, version: "1.0" };
    const properties = await fixture.client.getProperties();
    expect(properties.hourMetrics).toEqual(off);
    expect(properties.minuteMetrics).toEqual(off);
    expect(properties.cors).toEqual([]);
  });

  it("are stored as the official client sends them, even if it sends only some of them", async () => {
    const hourMetrics = {
      version: "1.0",
      enabled: true,
      includeAPIs: true,
      retentionPolicy: { enabled: true, days: 3 },
    };
    const protocol = { smb: { multichannel: { enabled: true } } };
    await fixture.client.setProperties({ hourMetrics, cors: [rule], protocol });
    await fixture.client.setProperties({ minuteMetrics: { ...hourMetrics, includeAPIs: false } });
    const properties = await clientOf(fixture.service).getProperties();
    expect(properties.hourMetrics).toEqual(hourMetrics);
    expect(properties.minuteMetrics).toEqual({ ...hourMetrics, includeAPIs: false });
    expect(properties.protocol?.smb?.multichannel).toEqual({ enabled: true });
    expect(properties.cors).toEqual([rule]);
    await fixture.client.setProperties({ cors: [] });
    expect((await fixture.client.getProperties()).cors).toEqual([]);
  });

  it("are rejected if they are malformed, and left unchanged", async () => {
    await fixture.client.setProperties({ cors: [rule] });
    expect(await refusal(fixture.client.setProperties({ cors: Array.from({ length: 6 }, () => rule) }))).toMatchObject({
      status: 400,
      code: "InvalidXmlDocument",
    });
    const cases: [string, string][] = [
      ["", "InvalidXmlDocument"],
      ["<StorageServiceProperties>", "InvalidXmlDocument"],
      ["<Other />", "InvalidXmlDocument"],
      ['<!DOCTYPE a [<!ENTITY b "c">]><StorageServiceProperties />', "InvalidXmlDocument"],
      ["<StorageServiceProperties><Logging /></StorageServiceProperties>", "UnsupportedXmlNode"],
      [metrics("<Version>1.0</Version>"), "MissingRequiredXmlNode"],
      [metrics("<Enabled>perhaps</Enabled>"), "InvalidXmlNodeValue"],
      [metrics("<Enabled>true</Enabled>"), "MissingRequiredXmlNode"],
      [retention("<Enabled>true</Enabled><Days>366</Days>"), "InvalidXmlNodeValue"],
      [retention("<Enabled>true</Enabled><Days>0</Days>"), "InvalidXmlNodeValue"],
      [cors("<AllowedMethods>FETCH</AllowedMethods>"), "InvalidXmlNodeValue"],
      [cors(""), "MissingRequiredXmlNode"],
    ];
    for (const [body, code] of cases) {
      const answer = await setProperties(body);
      expect([body, answer.status, answer.headers["x-ms-error-code"]]).toEqual([body, 400, code]);
    }
    expect((await setProperties(`<a>${"x".repeat(300_000)}</a>`)).status).toBe(413);
    expect((await fixture.client.getProperties()).cors).toEqual([rule]);
  });

  it("contain the retention of deleted shares", async () => {
    expect((await setProperties(retention("<Enabled>true</Enabled><Days>9</Days>"))).status).toBe(202);
    const answer = await rawRequest(
      fixture.service,
      "GET",
      `/${account.name}/?restype=service&comp=properties&${everything()}`,
    );
    expect(answer.body).toContain(
      "<ShareDeleteRetentionPolicy><Enabled>true</Enabled><Days>9</Days></ShareDeleteRetentionPolicy>",
    );
    await setProperties(retention("<Enabled>false</Enabled>"));
  });

  it("require a credential", async () => {
    const path = `/${account.name}/?restype=service&comp=properties`;
    expect((await rawRequest(fixture.service, "GET", path)).status).toBe(401);
    expect((await rawRequest(fixture.service, "PUT", path, {}, "<StorageServiceProperties/>")).status).toBe(401);
  });
});

describe("CORS", () => {
  beforeAll(async () => {
    await fixture.client.setProperties({ cors: [rule] });
  });

  const asking = (headers: Record<string, string>): Promise<RawAnswer> =>
    rawRequest(fixture.service, "OPTIONS", `/${account.name}/open/file.txt`, headers);

  it("responds to a preflight request without a credential", async () => {
    const answer = await asking({
      origin: "https://app.example",
      "access-control-request-method": "PUT",
      "access-control-request-headers": "x-ms-version, X-Ms-Meta-Colour",
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "x-ms-version,x-ms-meta-colour",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "60",
      vary: "Origin",
    });
  });

  it("allows no other origin, method, header or account", async () => {
    const good = { origin: "https://app.example", "access-control-request-method": "GET" };
    const changes: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "http://app.example" },
      { "access-control-request-method": "DELETE" },
      { "access-control-request-headers": "x-ms-version,authorization" },
    ];
    for (const changed of changes) {
      const answer = await asking({ ...good, ...changed });
      expect([answer.status, answer.headers["x-ms-error-code"]]).toEqual([403, "CorsPreflightFailure"]);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
    const incomplete: Record<string, string>[] = [
      { origin: good.origin },
      { "access-control-request-method": "GET" },
      {},
    ];
    for (const headers of incomplete) {
      const answer = await asking(headers);
      expect([answer.status, answer.headers["x-ms-error-code"]]).toEqual([400, "MissingRequiredHeader"]);
    }
  });

  it("lets scripts read responses, including errors, with the headers that the rule exposes", async () => {
    const path = `/${account.name}/open/file.txt`;
    const origin = { origin: "https://other.example" };
    const answer = await rawRequest(fixture.service, "GET", `${path}?${everything()}`, origin);
    expect(answer.status).toBe(200);
    expect(answer.headers["access-control-allow-origin"]).toBe("https://other.example");
    expect(String(answer.headers["access-control-expose-headers"]).split(",").sort()).toEqual([
      "etag",
      "x-ms-meta-colour",
    ]);
    const denied = await rawRequest(fixture.service, "GET", path, origin);
    expect([denied.status, denied.headers["access-control-allow-origin"]]).toEqual([401, "https://other.example"]);
    const foreign = await rawRequest(fixture.service, "GET", `${path}?${everything()}`, {
      origin: "https://evil.example",
    });
    expect([foreign.status, foreign.headers["access-control-allow-origin"], foreign.headers.vary]).toEqual([
      200,
      undefined,
      "Origin",
    ]);
    const direct = await rawRequest(fixture.service, "GET", `${path}?${everything()}`);
    expect([direct.headers["access-control-allow-origin"], direct.headers.vary]).toEqual([undefined, "Origin"]);
  });

  it("names no origin if every origin is allowed", async () => {
    await fixture.client.setProperties({ cors: [{ ...rule, allowedOrigins: "*", allowedHeaders: "*" }] });
    const answer = await asking({
      origin: "null",
      "access-control-request-method": "GET",
      "access-control-request-headers": "authorization",
    });
    expect(answer.status).toBe(200);
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  it("is off without rules", async () => {
    await fixture.client.setProperties({ cors: [] });
    const answer = await asking({ origin: "https://app.example", "access-control-request-method": "GET" });
    expect(answer.status).toBe(403);
  });
});

function setProperties(body: string): Promise<RawAnswer> {
  const path = `/${account.name}/?restype=service&comp=properties&${everything()}`;
  return rawRequest(fixture.service, "PUT", path, { "content-type": "application/xml" }, body);
}

function metrics(content: string): string {
  return `<StorageServiceProperties><HourMetrics>${content}</HourMetrics></StorageServiceProperties>`;
}

function retention(content: string): string {
  const policy = `<ShareDeleteRetentionPolicy>${content}</ShareDeleteRetentionPolicy>`;
  return `<StorageServiceProperties>${policy}</StorageServiceProperties>`;
}

function cors(methods: string): string {
  const content = `${methods}<AllowedOrigins>*</AllowedOrigins><AllowedHeaders /><ExposedHeaders />`;
  const rules = `<Cors><CorsRule>${content}<MaxAgeInSeconds>1</MaxAgeInSeconds></CorsRule></Cors>`;
  return `<StorageServiceProperties>${rules}</StorageServiceProperties>`;
}
