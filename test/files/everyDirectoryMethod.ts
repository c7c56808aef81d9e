import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { expect } from "vitest";
import { all, onDisk } from "./everyMethod.ts";
import type { Cases } from "./everyMethod.ts";
import { refusal } from "./support.ts";

const created = new Date("2001-02-03T04:05:06Z");
const written = new Date("2002-03-04T05:06:07Z");
const changed = new Date("2003-04-05T06:07:08Z");

export const directoryCases: Cases = {
  shareName: async ({ share, directory }) => {
    expect(directory.shareName).toBe(share.name);
  },

  path: async ({ directory }) => {
    expect(directory.getDirectoryClient("deep").path).toBe("dir/deep");
  },

  name: async ({ directory }) => {
    expect(directory.getDirectoryClient("deep").name).toBe("deep");
  },

  create: async ({ share }) => {
    const directory = share.getDirectoryClient("made");
    const answer = await directory.create({
      metadata: { a: "1" },
      fileAttributes: undefined,
      creationTime: created,
      lastWriteTime: written,
      changeTime: changed,
    });
    expect(answer).toMatchObject({ _response: { status: 201 }, fileCreatedOn: created, fileLastWriteOn: written });
    expect(await directory.getProperties()).toMatchObject({
      metadata: { a: "1" },
      fileAttributes: "Directory",
      fileCreatedOn: created,
      fileLastWriteOn: written,
      fileChangeOn: changed,
    });
    expect(await refusal(directory.create())).toMatchObject({ status: 409, code: "ResourceAlreadyExists" });
  },

  createIfNotExists: async ({ share, directory }) => {
    expect(await directory.createIfNotExists()).toMatchObject({ succeeded: false, errorCode: "ResourceAlreadyExists" });
    expect(await share.getDirectoryClient("new").createIfNotExists()).toMatchObject({ succeeded: true });
  },

  setProperties: async ({ directory }) => {
    await directory.setProperties({ creationTime: created, lastWriteTime: written, changeTime: changed });
    expect(await directory.getProperties()).toMatchObject({
      fileCreatedOn: created,
      fileLastWriteOn: written,
      fileChangeOn: changed,
      fileAttributes: "Directory",
    });
    const posixProperties = { owner: "0", group: "0", fileMode: undefined };
    expect(await refusal(directory.setProperties({ posixProperties }))).toMatchObject({
      status: 400,
      code: "UnsupportedHeader",
    });
  },

  getDirectoryClient: async ({ directory }) => {
    await directory.createSubdirectory("deep");
    expect(await directory.getDirectoryClient("deep").exists()).toBe(true);
    expect(await directory.getDirectoryClient("DEEP").exists()).toBe(true);
  },

  createSubdirectory: async (world) => {
    const { directoryClient } = await world.directory.createSubdirectory("deep", { metadata: { a: "1" } });
    expect((await directoryClient.getProperties()).metadata).toEqual({ a: "1" });
    expect(existsSync(onDisk(world, "dir", "deep"))).toBe(true);
  },

  deleteSubdirectory: async (world) => {
    await world.directory.createSubdirectory("deep");
    await world.directory.deleteSubdirectory("deep");
    expect(existsSync(onDisk(world, "dir", "deep"))).toBe(false);
    expect(await refusal(world.directory.deleteSubdirectory("deep"))).toMatchObject({ code: "ResourceNotFound" });
  },

  createFile: async (world) => {
    const { fileClient } = await world.directory.createFile("made", 5);
    expect((await fileClient.downloadToBuffer()).equals(Buffer.alloc(5))).toBe(true);
    expect(existsSync(onDisk(world, "dir", "made"))).toBe(true);
  },

  deleteFile: async (world) => {
    await world.directory.deleteFile("file.txt");
    expect(existsSync(onDisk(world, "dir", "file.txt"))).toBe(false);
    expect(await refusal(world.directory.deleteFile("file.txt"))).toMatchObject({ code: "ResourceNotFound" });
  },

  getFileClient: async ({ directory }) => {
    expect((await directory.getFileClient("file.txt").downloadToBuffer()).toString()).toBe("0123456789");
  },

  exists: async ({ share, directory }) => {
    expect(await directory.exists()).toBe(true);
    expect(await share.getDirectoryClient("absent/deeper").exists()).toBe(false);
  },

  getProperties: async ({ share, directory }) => {
    const properties = await directory.getProperties();
    expect(properties).toMatchObject({
      fileAttributes: "Directory",
      fileId: expect.stringMatching(/^\d+$/) as string,
      fileParentId: (await share.rootDirectoryClient.getProperties()).fileId,
      metadata: {},
    });
    expect(properties.lastModified).toBeInstanceOf(Date);
    expect(await refusal(share.getDirectoryClient("absent").getProperties())).toMatchObject({
      status: 404,
      code: "ResourceNotFound",
    });
  },

  delete: async (world) => {
    expect(await refusal(world.directory.delete())).toMatchObject({ status: 409, code: "DirectoryNotEmpty" });
    await world.file.delete();
    await world.directory.delete();
    expect(existsSync(onDisk(world, "dir"))).toBe(false);
  },

  deleteIfExists: async ({ share }) => {
    const directory = share.getDirectoryClient("passing");
    await directory.create();
    expect(await directory.deleteIfExists()).toMatchObject({ succeeded: true });
    expect(await directory.deleteIfExists()).toMatchObject({ succeeded: false, errorCode: "ResourceNotFound" });
  },

  setMetadata: async ({ directory }) => {
    const { etag } = await directory.getProperties();
    await directory.setMetadata({ a: "1" });
    expect((await directory.getProperties()).metadata).toEqual({ a: "1" });
    await directory.setMetadata();
    const after = await directory.getProperties();
    expect(after.metadata).toEqual({});
    expect(after.etag).not.toBe(etag);
  },

  listFilesAndDirectories: async (world) => {
    const { directory } = world;
    await writeFile(onDisk(world, "dir", "by-hand.bin"), "1234");
    await directory.createSubdirectory("deep");
    const { fileId } = await directory.getProperties();
    const found = await all(
      directory.listFilesAndDirectories({
        includeTimestamps: true,
        includeEtag: true,
        includeAttributes: true,
        includePermissionKey: true,
        includeExtendedInfo: true,
      }),
    );
    expect(found.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      "directory deep",
      "file by-hand.bin",
      "file file.txt",
    ]);
    for (const item of found) {
      expect(item).toMatchObject({
        fileId: expect.stringMatching(/^\d+$/) as string,
        attributes: item.kind === "file" ? "Archive" : "Directory",
        properties: { etag: expect.any(String) as string, lastModified: expect.any(Date) as Date },
      });
      const client =
        item.kind === "file" ? directory.getFileClient(item.name) : directory.getDirectoryClient(item.name);
      expect((await client.getProperties()).etag).toBe(item.properties?.etag);
    }
    const [byHand] = await all(directory.listFilesAndDirectories({ prefix: "BY" }));
    expect(byHand).toMatchObject({ kind: "file", name: "by-hand.bin", properties: { contentLength: 4 } });
    const pages = await all(directory.listFilesAndDirectories().byPage({ maxPageSize: 1 }));
    expect(pages).toHaveLength(3);
    expect(pages.every(({ directoryId }) => directoryId === fileId)).toBe(true);
  },

  listHandles: async ({ share, directory }) => {
    expect(await all(directory.listHandles({ recursive: true }))).toEqual([]);
    expect(await refusal(all(share.getDirectoryClient("absent").listHandles()))).toMatchObject({
      status: 404,
      code: "ResourceNotFound",
    });
  },

  forceCloseAllHandles: async ({ share, directory }) => {
    const none = { closedHandlesCount: 0, closeFailureCount: 0 };
    expect(await directory.forceCloseAllHandles({ recursive: true })).toMatchObject(none);
    expect(await share.rootDirectoryClient.forceCloseAllHandles()).toMatchObject(none);
  },

  forceCloseHandle: async ({ directory }) => {
    expect(await directory.forceCloseHandle("12345")).toMatchObject({ closedHandlesCount: 0, closeFailureCount: 0 });
    await expect(directory.forceCloseHandle("*")).rejects.toThrow();
  },

  rename: async (world) => {
    const { share, directory } = world;
    await directory.setMetadata({ kept: "yes" });
    await share.createDirectory("target");
    await directory.rename("target/moved", { metadata: { now: "this" } });
    const moved = share.getDirectoryClient("target/moved");
    expect((await moved.getProperties()).metadata).toEqual({ now: "this" });
    expect((await moved.getFileClient("file.txt").downloadToBuffer()).toString()).toBe("0123456789");
    expect(existsSync(onDisk(world, "dir"))).toBe(false);
    expect(await refusal(moved.rename("target"))).toMatchObject({ status: 409, code: "ResourceAlreadyExists" });
    expect(await refusal(moved.rename("target/moved/inside"))).toMatchObject({ status: 400 });
  },
};
