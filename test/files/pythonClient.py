"""Drives the endpoint with Debian's python3-azure-storage: `python3 pythonClient.py CLASS`, CONNECTION in the environment."""

import hashlib
import io
import os
import sys
import unittest
import uuid
from datetime import datetime, timedelta, timezone

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.fileshare import (
    AccessPolicy,
    AccountSasPermissions,
    ContentSettings,
    FileSasPermissions,
    NTFSAttributes,
    ResourceTypes,
    ShareClient,
    ShareFileClient,
    ShareLeaseClient,
    ShareSasPermissions,
    ShareServiceClient,
    generate_account_sas,
    generate_file_sas,
    generate_share_sas,
)

CONNECTION = os.environ["CONNECTION"]
FIELDS = dict(field.split("=", 1) for field in CONNECTION.strip(";").split(";"))
ACCOUNT, KEY, ENDPOINT = FIELDS["AccountName"], FIELDS["AccountKey"], FIELDS["FileEndpoint"]
SOON = timedelta(minutes=10)


# The client can send neither a time with a zone nor one without fractions of a second.
MOMENT = datetime(2018, 6, 6, 18, 39, 26, 123000)


def later(span=SOON):
    return datetime.now(timezone.utc) + span


def naive(moment):
    return moment.replace(tzinfo=None)


class WithShare(unittest.TestCase):
    """A service client, and a share of its own for each test."""

    def setUp(self):
        self.service = ShareServiceClient.from_connection_string(CONNECTION, retry_total=0)
        self.share = self.service.create_share(f"py-{uuid.uuid4().hex[:12]}")

    def tearDown(self):
        self.share.delete_share(delete_snapshots=True)

    def refused(self, code, call, kind=HttpResponseError):
        with self.assertRaises(kind) as caught:
            call()
        self.assertEqual(str(getattr(caught.exception.error_code, "value", caught.exception.error_code)), code)


class Shares(WithShare):
    def test_properties_and_metadata(self):
        self.share.set_share_quota(7)
        self.share.set_share_metadata({"team": "vision", "Run": "12"})
        properties = self.share.get_share_properties()
        self.assertEqual(properties.quota, 7)
        self.assertEqual(properties.metadata, {"team": "vision", "Run": "12"})
        self.assertEqual(properties.name, self.share.share_name)
        self.assertLess(abs(properties.last_modified - later(timedelta())), timedelta(minutes=1))

    def test_listing(self):
        self.share.set_share_metadata({"found": "yes"})
        names = [f"{self.share.share_name}-{number}" for number in range(5)]
        for name in names:
            self.service.create_share(name)
        pages = self.service.list_shares(name_starts_with=f"{self.share.share_name}-", results_per_page=2).by_page()
        self.assertEqual([[share.name for share in page] for page in pages], [names[:2], names[2:4], names[4:]])
        (own,) = [
            share
            for share in self.service.list_shares(name_starts_with=self.share.share_name, include_metadata=True)
            if share.name == self.share.share_name
        ]
        self.assertEqual(own.metadata, {"found": "yes"})
        for name in names:
            self.service.delete_share(name)
        self.assertEqual(list(self.service.list_shares(name_starts_with=f"{self.share.share_name}-")), [])

    def test_errors(self):
        self.refused("ShareAlreadyExists", self.share.create_share, ResourceExistsError)
        absent = self.service.get_share_client("py-absent")
        self.refused("ShareNotFound", absent.get_share_properties, ResourceNotFoundError)
        self.refused("ShareNotFound", absent.delete_share, ResourceNotFoundError)
        self.refused("InvalidResourceName", lambda: self.service.create_share("Not_A_Name"))


class Directories(WithShare):
    def test_life_of_a_directory(self):
        created = self.share.create_directory("logs", metadata={"kind": "text"})
        created.create_subdirectory("Männer & Söhne")
        self.assertEqual(created.get_directory_properties().metadata, {"kind": "text"})
        created.set_directory_metadata({"kind": "other"})
        properties = created.get_directory_properties()
        self.assertEqual(properties.metadata, {"kind": "other"})
        self.assertTrue(properties.is_directory)
        self.assertTrue(created.exists())
        self.refused("DirectoryNotEmpty", created.delete_directory)
        created.delete_subdirectory("Männer & Söhne")
        created.delete_directory()
        self.assertFalse(created.exists())

    def test_listing(self):
        root = self.share.get_directory_client()
        for number in range(7):
            root.upload_file(f"file {number}.txt", b"x" * number)
        root.create_subdirectory("folder")
        root.create_subdirectory("filing")
        entries = {entry["name"]: entry for entry in root.list_directories_and_files()}
        self.assertEqual(entries["file 3.txt"]["size"], 3)
        self.assertFalse(entries["file 3.txt"]["is_directory"])
        self.assertTrue(entries["folder"]["is_directory"])
        found = [entry["name"] for entry in root.list_directories_and_files(name_starts_with="FIL")]
        self.assertEqual(sorted(found), sorted([f"file {number}.txt" for number in range(7)] + ["filing"]))
        pages = list(root.list_directories_and_files(results_per_page=4).by_page())
        self.assertEqual(sum(len(list(page)) for page in pages), 9)
        detailed = root.list_directories_and_files(include=["timestamps", "Etag", "Attributes"], include_extended_info=True)
        for entry in detailed:
            self.assertTrue(entry["etag"])
            self.assertIsNotNone(entry["last_modified"])
            self.assertTrue(entry["file_attributes"])

    def test_attributes_and_times(self):
        directory = self.share.create_directory("old", file_creation_time=MOMENT, file_last_write_time=MOMENT)
        self.assertEqual(naive(directory.get_directory_properties().creation_time), MOMENT)
        self.assertEqual(naive(directory.get_directory_properties().last_write_time), MOMENT)
        directory.set_http_headers(file_attributes=NTFSAttributes(hidden=True, directory=True))
        self.assertIn("Hidden", str(directory.get_directory_properties().file_attributes))

    def test_errors(self):
        self.refused("ParentNotFound", lambda: self.share.create_directory("a/b"), ResourceNotFoundError)
        self.share.create_directory("a")
        self.refused("ResourceAlreadyExists", lambda: self.share.create_directory("a"), ResourceExistsError)
        self.refused("ResourceNotFound", lambda: self.share.delete_directory("absent"), ResourceNotFoundError)


class Files(WithShare):
    def test_upload_and_download(self):
        content = os.urandom(9 * 1024 * 1024 + 17)
        file = self.share.get_file_client("model.bin")
        file.upload_file(content, max_concurrency=3)
        self.assertEqual(file.download_file(max_concurrency=3).readall(), content)
        self.assertEqual(file.download_file(offset=1000, length=5_000_000).readall(), content[1000:5_001_000])
        sink = io.BytesIO()
        file.download_file(validate_content=True).readinto(sink)
        self.assertEqual(sink.getvalue(), content)
        self.assertEqual(b"".join(file.download_file().chunks()), content)
        file.upload_file(io.BytesIO(b"short"), length=5, validate_content=True)
        self.assertEqual(file.download_file().readall(), b"short")

    def test_names(self):
        for name in ["a b.txt", "100%.txt", "#1.txt", "ünïcödé.txt", "日本語.txt", "plus+and&.txt", "x'y.txt"]:
            file = self.share.get_file_client(name)
            file.upload_file(name.encode())
            self.assertEqual(file.download_file().readall(), name.encode())
            self.assertEqual(file.get_file_properties().name, name)
            self.assertIn(name, [entry["name"] for entry in self.share.list_directories_and_files()])

    def test_properties(self):
        file = self.share.get_file_client("page.html")
        settings = ContentSettings(
            content_type="text/html",
            content_encoding="identity",
            content_language="de",
            content_disposition="inline",
            cache_control="no-cache",
        )
        file.upload_file(b"<p>", content_settings=settings, metadata={"author": "me"})
        properties = file.get_file_properties()
        self.assertEqual(properties.content_settings.content_type, "text/html")
        self.assertEqual(properties.content_settings.content_language, "de")
        self.assertEqual(properties.content_settings.cache_control, "no-cache")
        self.assertEqual(properties.metadata, {"author": "me"})
        self.assertEqual(properties.size, 3)
        md5 = bytearray(hashlib.md5(b"<p>").digest())
        file.set_http_headers(ContentSettings(content_type="text/plain", content_md5=md5))
        self.assertEqual(file.get_file_properties().content_settings.content_type, "text/plain")
        self.assertEqual(file.get_file_properties().content_settings.content_md5, md5)
        file.set_file_metadata({"author": "you", "run": "1"})
        self.assertEqual(file.get_file_properties().metadata, {"author": "you", "run": "1"})

    def test_attributes_and_times(self):
        file = self.share.get_file_client("old.txt")
        file.create_file(
            3,
            file_attributes=NTFSAttributes(archive=True, read_only=False, none=False),
            file_creation_time=MOMENT,
            file_last_write_time=MOMENT,
        )
        properties = file.get_file_properties()
        self.assertEqual((naive(properties.creation_time), naive(properties.last_write_time)), (MOMENT, MOMENT))
        self.assertIn("Archive", str(properties.file_attributes))

    def test_errors(self):
        file = self.share.get_file_client("absent.txt")
        for call in [file.get_file_properties, file.delete_file, file.download_file]:
            self.refused("ResourceNotFound", call, ResourceNotFoundError)
        deep = self.share.get_file_client("no/such/place.txt")
        self.refused("ParentNotFound", lambda: deep.create_file(1), ResourceNotFoundError)
        self.share.create_directory("folder")
        self.assertIsNotNone(self.share.get_directory_client("folder").get_directory_properties().etag)
        self.refused("ResourceTypeMismatch", lambda: self.share.get_file_client("folder").create_file(1))


class Ranges(WithShare):
    def test_ranges(self):
        file = self.share.get_file_client("sparse.bin")
        file.create_file(1_000_000)
        answer = file.upload_range(b"a" * 4096, offset=0, length=4096, validate_content=True)
        self.assertTrue(answer["etag"])
        file.upload_range(b"b" * 512, offset=512_000, length=512)
        self.assertEqual(file.download_file(offset=512_000, length=600).readall(), b"b" * 512 + b"\0" * 88)
        covered = sum(found["end"] - found["start"] + 1 for found in file.get_ranges())
        self.assertGreaterEqual(covered, 4096 + 512)
        file.clear_range(offset=0, length=4096)
        self.assertEqual(file.download_file(offset=0, length=4096).readall(), b"\0" * 4096)
        self.assertEqual(len(file.download_file().readall()), 1_000_000)

    def test_resizing(self):
        file = self.share.get_file_client("grows.bin")
        file.upload_file(b"0123456789")
        file.resize_file(4)
        self.assertEqual(file.download_file().readall(), b"0123")
        file.resize_file(6)
        self.assertEqual(file.download_file().readall(), b"0123\0\0")

    def test_errors(self):
        file = self.share.get_file_client("small.bin")
        file.create_file(10)
        self.refused("InvalidRange", lambda: file.upload_range(b"x" * 20, offset=0, length=20))
        self.refused("InvalidRange", lambda: file.download_file(offset=100, length=10).readall())


class Sas(WithShare):
    def setUp(self):
        super().setUp()
        self.file = self.share.get_file_client("shared.txt")
        self.file.upload_file(b"shared text")
        self.share.get_file_client("private.txt").upload_file(b"private text")

    def at(self, sas, path="shared.txt"):
        return ShareFileClient(ENDPOINT, self.share.share_name, path, credential=sas, retry_total=0)

    def test_file_sas(self):
        sas = generate_file_sas(
            ACCOUNT, self.share.share_name, ["shared.txt"], KEY, permission=FileSasPermissions(read=True), expiry=later()
        )
        self.assertEqual(self.at(sas).download_file().readall(), b"shared text")
        self.refused("AuthenticationFailed", lambda: self.at(sas, "private.txt").download_file(), ClientAuthenticationError)
        self.refused("AuthorizationPermissionMismatch", self.at(sas).delete_file)

    def test_share_sas(self):
        permission = ShareSasPermissions(read=True, write=True, list=True, delete=True, create=True)
        sas = generate_share_sas(ACCOUNT, self.share.share_name, KEY, permission=permission, expiry=later())
        share = ShareClient(ENDPOINT, self.share.share_name, credential=sas, retry_total=0)
        share.get_file_client("new.txt").upload_file(b"new")
        names = [entry["name"] for entry in share.list_directories_and_files()]
        self.assertEqual(names, ["new.txt", "private.txt", "shared.txt"])
        share.get_file_client("new.txt").delete_file()
        self.refused("AuthorizationResourceTypeMismatch", share.delete_share)

    def test_account_sas(self):
        types = ResourceTypes(service=True, container=True, object=True)
        permission = AccountSasPermissions(read=True, list=True)
        sas = generate_account_sas(ACCOUNT, KEY, types, permission, later())
        service = ShareServiceClient(ENDPOINT, credential=sas, retry_total=0)
        self.assertIn(self.share.share_name, [share.name for share in service.list_shares()])
        self.refused("AuthorizationPermissionMismatch", lambda: service.create_share("py-not-allowed"))

    def test_times_and_signatures(self):
        permission = FileSasPermissions(read=True)
        made = lambda **fields: generate_file_sas(
            ACCOUNT, self.share.share_name, ["shared.txt"], KEY, permission=permission, **fields
        )
        for sas in [
            made(expiry=later(-SOON)),
            made(expiry=later(), start=later(timedelta(minutes=5))),
            made(expiry=later()).replace("sp=r", "sp=rw"),
        ]:
            self.refused("AuthenticationFailed", lambda: self.at(sas).download_file(), ClientAuthenticationError)
        wrong = ShareServiceClient(ENDPOINT, credential={"account_name": ACCOUNT, "account_key": "AAAA"}, retry_total=0)
        self.refused("AuthenticationFailed", lambda: list(wrong.list_shares()), ClientAuthenticationError)


class Policies(WithShare):
    def test_stored_access_policy(self):
        permission = ShareSasPermissions(read=True)
        policy = AccessPolicy(permission=permission, start=later(-SOON), expiry=later())
        self.share.set_share_access_policy({"readers": policy})
        stored = self.share.get_share_access_policy()["signed_identifiers"]
        self.assertEqual([(one.id, one.access_policy.permission) for one in stored], [("readers", "r")])
        self.share.get_file_client("a.txt").upload_file(b"by policy")
        sas = generate_share_sas(ACCOUNT, self.share.share_name, KEY, policy_id="readers")
        at = lambda: ShareFileClient(ENDPOINT, self.share.share_name, "a.txt", credential=sas, retry_total=0)
        self.assertEqual(at().download_file().readall(), b"by policy")
        self.refused("AuthorizationPermissionMismatch", at().delete_file)
        self.share.set_share_access_policy({})
        self.refused("AuthenticationFailed", at().download_file, ClientAuthenticationError)

    def test_permissions(self):
        sddl = "O:S-1-5-21-1-2-3-4G:S-1-5-21-1-2-3-5D:AI(A;;FA;;;SY)"
        key = self.share.create_permission_for_share(sddl)
        self.assertEqual(self.share.get_permission_for_share(key), sddl)
        self.share.get_file_client("guarded.txt").create_file(1, permission_key=key)
        self.assertEqual(self.share.get_file_client("guarded.txt").get_file_properties().permission_key, key)

    def test_statistics(self):
        self.assertGreaterEqual(self.share.get_share_stats(), 0)


class Snapshots(WithShare):
    def test_snapshot(self):
        file = self.share.get_file_client("a.txt")
        file.upload_file(b"before")
        taken = self.share.create_snapshot(metadata={"why": "test"})
        file.upload_file(b"afterwards")
        then = ShareClient.from_connection_string(CONNECTION, self.share.share_name, snapshot=taken)
        self.assertEqual(then.get_file_client("a.txt").download_file().readall(), b"before")
        self.assertEqual(then.get_share_properties().metadata, {"why": "test"})
        listed = [share.snapshot for share in self.service.list_shares(self.share.share_name, include_snapshots=True)]
        self.assertEqual(sorted(filter(None, listed)), [taken["snapshot"]])
        with self.assertRaises(HttpResponseError):
            then.get_file_client("a.txt").delete_file()
        self.refused("ShareHasSnapshots", self.share.delete_share)
        then.delete_share()
        self.share.delete_share()
        self.share = self.service.create_share(f"{self.share.share_name}-2")


class Leases(WithShare):
    def test_lease_of_a_file(self):
        file = self.share.get_file_client("leased.txt")
        file.upload_file(b"mine")
        lease = file.acquire_lease()
        self.assertEqual(file.get_file_properties().lease.state, "leased")
        self.refused("LeaseIdMissing", file.delete_file)
        self.refused("LeaseAlreadyPresent", file.acquire_lease)
        file.upload_range(b"ours", offset=0, length=4, lease=lease)
        lease.change(str(uuid.uuid4()))
        lease.release()
        file.acquire_lease()
        ShareLeaseClient(file).break_lease()
        file.delete_file()

    def test_lease_of_a_share(self):
        lease = self.share.acquire_lease(lease_duration=15)
        self.refused("LeaseIdMissing", self.share.delete_share)
        lease.renew()
        lease.release()


class Moves(WithShare):
    def test_copy(self):
        source = self.share.get_file_client("source.txt")
        source.upload_file(b"copied text", metadata={"from": "here"})
        sas = generate_file_sas(
            ACCOUNT, self.share.share_name, ["source.txt"], KEY, permission=FileSasPermissions(read=True), expiry=later()
        )
        target = self.share.get_file_client("target.txt")
        answer = target.start_copy_from_url(f"{source.url}?{sas}")
        self.assertEqual(answer["copy_status"], "success")
        self.assertEqual(target.download_file().readall(), b"copied text")
        self.assertEqual(target.get_file_properties().metadata, {"from": "here"})

    def test_range_from_url(self):
        source = self.share.get_file_client("source.bin")
        source.upload_file(bytes(range(256)) * 4)
        sas = generate_file_sas(
            ACCOUNT, self.share.share_name, ["source.bin"], KEY, permission=FileSasPermissions(read=True), expiry=later()
        )
        target = self.share.get_file_client("target.bin")
        target.create_file(512)
        target.upload_range_from_url(f"{source.url}?{sas}", offset=0, length=512, source_offset=256)
        self.assertEqual(target.download_file().readall(), bytes(range(256)) * 2)

    def test_rename(self):
        self.share.create_directory("folder")
        file = self.share.get_file_client("old.txt")
        file.upload_file(b"moved")
        moved = file.rename_file("folder/new.txt")
        self.assertEqual(moved.download_file().readall(), b"moved")
        self.refused("ResourceNotFound", file.get_file_properties, ResourceNotFoundError)
        renamed = self.share.get_directory_client("folder").rename_directory("files")
        self.assertEqual([entry["name"] for entry in renamed.list_directories_and_files()], ["new.txt"])

    def test_handles(self):
        directory = self.share.get_directory_client()
        self.assertEqual(list(directory.list_handles(recursive=True)), [])
        self.assertEqual(directory.close_all_handles()["closed_handles_count"], 0)


class Service(WithShare):
    def test_service_properties(self):
        properties = self.service.get_service_properties()
        self.assertIn("cors", properties)
        self.assertIn("hour_metrics", properties)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]], verbosity=2)
