// node-hl7-server as a peer: `serve PORT` answers AA and prints each MSH-10; `send PORT` sends each line of stdin (a
// message in base64) with node-hl7-client on one connection, and prints MSA-1 and MSA-2 of the answer.
import { createInterface } from "node:readline";
import { Client, Message } from "node-hl7-client";
import { Server } from "node-hl7-server";

const [what, port] = process.argv.slice(2);

if (what === "serve") {
  new Server({ bindAddress: "127.0.0.1" }).createInbound({ port: Number(port), encoding: "utf-8" }, async (req, res) => {
    console.log(`GOT ${req.getMessage().get("MSH.10").toString()}`);
    await res.sendResponse("AA");
  });
} else {
  const waiting = [];
  const connection = new Client({ host: "127.0.0.1" }).createConnection({ port: Number(port) }, async (res) => {
    const answer = res.getMessage();
    console.log(`ANSWER ${answer.get("MSA.1").toString()} ${answer.get("MSA.2").toString()}`);
    waiting.shift()();
  });
  for await (const line of createInterface({ input: process.stdin })) {
    const answered = new Promise((resolve) => waiting.push(resolve));
    await connection.sendMessage(new Message({ text: Buffer.from(line, "base64").toString("utf-8") }));
    await answered;
  }
  await connection.close();
}
