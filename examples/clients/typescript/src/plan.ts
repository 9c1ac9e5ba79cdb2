// A plan that the municipality holds and the hospital takes part in: saved, looked at, shared, changed from both sides.
import { all, author, done, once, ownClient, record, Refused, seen, until, type Schemas } from "./own.js";

const nina = author("nina01", "Nina Koordinatortest");
const per = author("per02", "Per Fagtest");
const doctor = author("lars07", "Lars Sykehuslege Ås");
const hospital = ownClient("hospital");
const municipality = ownClient("municipality");

/** Saves, shares and changes the plan of the record. `goal` is what a goal says, and the hospital wants in other words. */
export async function plan(goal: string, words: string): Promise<void> {
  const first = once("plan", record<Schemas["IndividualPlan"]>("plan.json"));
  const path = { plan: first.body.id };
  const state = await seen(
    municipality.POST("/own/plans", { params: { header: { ...nina, ...first.headers } }, body: first.body }),
  );
  console.log(`municipality: ${path.plan} is saved`);

  await preview(path);
  const share = once<Schemas["NewShare"]>("share", { party: "hospital" }, state.etag);
  const shared = await done(
    municipality.POST("/own/plans/{plan}/shares", {
      params: { header: { ...nina, ...share.headers }, path },
      body: share.body,
    }),
  );
  console.log(`municipality: ${path.plan} is shared with ${shared.shared_with.join(", ")}`);

  await twoAuthors(path);
  await proposal(path, goal, words);

  const log = await all((cursor) =>
    done(
      municipality.GET("/own/plans/{plan}/access-log", {
        params: { header: nina, path, query: { limit: 2, cursor } },
      }),
    ),
  );
  for (const line of log) {
    console.log(`municipality: ${line.to} was sent ${line.kind} ${line.number ?? ""} on ${line.consents?.join(", ")}`);
  }
}

type Path = { plan: string };

/** What each participant would see: shown to the person and the coordinator before anything is shared. */
async function preview(path: Path): Promise<void> {
  const found = await done(
    municipality.POST("/own/plans/{plan}/preview", { params: { header: nina, path }, body: {} }),
  );
  for (const { party, view, refusal } of found.items) {
    console.log(`municipality: ${party} would see ${view?.plan.goals?.length ?? 0} goals${refusal ? `: ${refusal}` : ""}`);
  }
}

/** Two authors have read the same version. The second is told, reads again, and decides again. */
async function twoAuthors(path: Path): Promise<void> {
  const read = async () => {
    const { etag } = await seen(municipality.GET("/own/plans/{plan}", { params: { header: per, path } }));
    return { etag, body: await done(municipality.GET("/own/plans/{plan}/content", { params: { header: per, path } })) };
  };
  const save = (by: typeof nina, kept: { headers: object; body: Schemas["IndividualPlan"] }) =>
    done(municipality.PUT("/own/plans/{plan}", { params: { header: { ...by, ...kept.headers }, path }, body: kept.body }));

  const looked = await read();
  const hers = once("title", { ...looked.body, title: "Plan for vegen heim, i lag" }, looked.etag);
  const his = once("note", { ...looked.body, note: "Møte kvar månad." }, looked.etag);
  console.log(`municipality: Nina saved version ${(await save(nina, hers)).version}`);
  try {
    await save(per, his);
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.status !== 412) throw error;
    console.log(`municipality: Per is told ${error.problem.status}: ${error.problem.detail}`);
    const newest = await read();
    const merged = once("note-again", { ...newest.body, note: his.body.note }, newest.etag);
    console.log(`municipality: Per saved version ${(await save(per, merged)).version}`);
  }
}

/** The hospital wants a goal in other words (its ids in a view are the view's own); the municipality says yes. */
async function proposal(path: Path, goal: string, words: string): Promise<void> {
  const view = async (is: (view: Schemas["PlanView"]) => boolean) =>
    until("the view", async () => {
      const { items } = await done(hospital.GET("/own/plans/{plan}/views", { params: { header: doctor, path } })).catch(
        (error) => (error instanceof Refused && error.problem.status === 404 ? { items: [] } : Promise.reject(error)),
      );
      return items.find(is);
    });
  const before = await view((one) => one.plan.note !== undefined && one.plan.note === "Møte kvar månad.");
  console.log(`hospital: view ${before.number} of ${path.plan} has ${before.plan.goals?.length} goals`);

  const goals = before.plan.goals?.map((one) => (one.text === goal ? { ...one, text: words } : one));
  const wanted: Schemas["WantedView"] = { view: { ...before, plan: { ...before.plan, goals } }, text: "Avtalt i dag" };
  const asked = once("change", wanted);
  await done(
    hospital.POST("/own/plans/{plan}/changes", {
      params: { header: { ...doctor, ...asked.headers }, path },
      body: asked.body,
    }),
  );
  console.log(`hospital: asked for "${words}" instead of "${goal}"`);

  const kept = await until("the change", async () => {
    const { items } = await done(municipality.GET("/own/plans/{plan}/changes", { params: { header: nina, path } }));
    return items[0];
  });
  const parts = kept.decisions?.filter((part) => part.outcome === "proposed") ?? [];
  const yes = once<Schemas["Decisions"]>("yes", { decisions: parts.map((part) => ({ ...part, outcome: "accepted" })) });
  const after = await done(
    municipality.POST("/own/plans/{plan}/changes/{change}/decisions", {
      params: { header: { ...nina, ...yes.headers }, path: { ...path, change: kept.change.id } },
      body: yes.body,
    }),
  );
  console.log(`municipality: the change is accepted, version ${after.version}`);

  const shown = await view((one) => one.plan.goals?.some((each) => each.text === words) ?? false);
  console.log(`hospital: view ${shown.number} shows it`);
}
