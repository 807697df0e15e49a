// Is this MongoDB ready for Argus? Run by the health check of deploy/compose.yaml: mongosh --nodb --quiet FILE
//
// The first time it makes the replica set of one member and the user that Argus signs in as, who may read and write one
// database and nothing else. From then on it only looks. Passwords come from files: not from the command line, which
// other processes can see.
const read = (name) => require("fs").readFileSync(`${process.env.SECRETS ?? "/run/secrets"}/${name}`, "utf8").trim();
const host = process.env.MEMBER ?? "mongo:27017";
const port = host.split(":").pop();

const admin = connect(
  `mongodb://root:${encodeURIComponent(read("mongo_root_password"))}@127.0.0.1:${port}/admin?directConnection=true`,
);
try {
  admin.adminCommand({ replSetGetStatus: 1 });
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  admin.adminCommand({ replSetInitiate: { _id: "rs0", members: [{ _id: 0, host }] } });
}
if (!admin.hello().isWritablePrimary) quit(1);

const argus = admin.getSiblingDB("argus");
if (argus.getUser("argus") === null) {
  argus.createUser({ user: "argus", pwd: read("mongo_argus_password"), roles: [{ role: "readWrite", db: "argus" }] });
}
quit(0);
