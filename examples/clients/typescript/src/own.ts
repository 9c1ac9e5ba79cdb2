// One side's interface: who asks, what is asked once, what is asked again, long lists, and refusals as data.
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as rest } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "../generated/own.js";

export type Schemas = components["schemas"];
export type Problem = Schemas["ProblemDetails"];

/** A refusal: nothing was changed. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** The interface of one side. The token says which program asks. */
export function ownClient(side: "hospital" | "municipality") {
  const name = side.toUpperCase();
  const [baseUrl, token] = [setting(`${name}_URL`), setting(`${name}_TOKEN`)];
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` }, fetch: again });
}

/** The headers that say for whom it is asked: UTF-8, percent-encoded. */
export function author(id: string, name: string) {
  return { "Author-Id": encodeURIComponent(id), "Author-Name": encodeURIComponent(name) };
}

/** The content of an answer, with the revision that it shows. Throws `Refused`. */
export async function seen<T>(asked: Promise<{ data?: T; error?: Problem; response: Response }>) {
  const { data, error, response } = await asked;
  if (error !== undefined) throw new Refused(error);
  return { data: data as T, etag: response.headers.get("etag") ?? "" };
}

/** The content of an answer. Throws `Refused`. */
export async function done<T>(asked: Promise<{ data?: T; error?: Problem; response: Response }>): Promise<T> {
  return (await seen(asked)).data;
}

/** What is sent once: kept on disk before it is sent, so that after a crash the same is sent with the same key. */
export function once<B>(name: string, body: B, etag?: string) {
  const folder = `${setting("RECORDS")}/sent`;
  const file = `${folder}/${name}.json`;
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const headers = { "Idempotency-Key": randomUUID(), ...(etag && { "If-Match": etag }) };
    writeFileSync(file, JSON.stringify({ headers, body }));
  }
  return JSON.parse(readFileSync(file, "utf-8")) as {
    headers: { "Idempotency-Key": string; "If-Match"?: string };
    body: B;
  };
}

/** All items of a long list, page after page. */
export async function all<T>(page: (cursor?: string) => Promise<{ items: T[]; next?: string | null }>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const found = await page(cursor);
    items.push(...found.items);
    cursor = found.next ?? undefined;
  } while (cursor !== undefined);
  return items;
}

/** What the other side must bring first: looked for until it is there. An EHR would look each minute. */
export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 1200; tries++) {
    const found = await look();
    if (found !== undefined) return found;
    await rest(250);
  }
  throw new Error(`it did not come: ${what}`);
}

/** A document of the record: the notice, the green form, the plan. */
export function record<T>(name: string): T {
  return JSON.parse(readFileSync(`${setting("RECORDS")}/${name}`, "utf-8")) as T;
}

function setting(name: string): string {
  const found = process.env[name];
  if (!found) throw new Error(`${name} is not set`);
  return found;
}

/** Asks again where no answer came, or the answer says that it may help; only what is not done twice by that. */
async function again(request: Request): Promise<Response> {
  const isSafe = request.method === "GET" || request.headers.has("Idempotency-Key");
  for (let left = 4; ; left--) {
    try {
      const answer = await fetch(request.clone());
      if (left === 0 || !isSafe || answer.ok || !((await answer.clone().json()) as Problem).retry) return answer;
      await rest(1000 * Number(answer.headers.get("retry-after") ?? 1));
    } catch (error) {
      if (left === 0 || !isSafe) throw error;
      console.log(`no answer to ${request.method} ${new URL(request.url).pathname}: asked again with the same key`);
    }
  }
}
