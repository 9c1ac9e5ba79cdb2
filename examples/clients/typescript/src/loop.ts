// From the hospital's notice to the green form that confirms it, and the evidence of each step.
import { all, author, done, once, ownClient, record, seen, until, type Schemas } from "./own.js";

const doctor = author("lars07", "Lars Sykehuslege Ås");
const nina = author("nina01", "Nina Koordinatortest");

/** Runs one loop through both sides. */
export async function loop(): Promise<void> {
  const [hospital, municipality] = [ownClient("hospital"), ownClient("municipality")];

  const notice = once("notice", record<Schemas["Notice"]>("notice.json"));
  const sent = await done(
    hospital.POST("/own/notices", { params: { header: { ...doctor, ...notice.headers } }, body: notice.body }),
  );
  const referral = notice.body.correlation_id;
  console.log(`hospital: notice ${referral} is ${sent.state}`);

  // Our own people see it on their worklist; what is done stands there, too.
  const item = await until("the notice at the municipality", async () => {
    const items = await all((cursor) =>
      done(municipality.GET("/own/worklist", { params: { header: nina, query: { all: true, limit: 2, cursor } } })),
    );
    return items.find((one) => one.aggregate.id === referral && one.reason === "new-notice");
  });
  console.log(`municipality: ${item.reason} about ${referral}`);

  const acts = await seen(
    municipality.GET("/own/referrals/{referral}/acts", { params: { header: nina, path: { referral } } }),
  );
  console.log(`municipality: possible are ${acts.data.items.map((one) => one.event).join(", ")}`);
  const accept = once<Schemas["Act"]>("accept", { event: "accept" }, acts.etag);
  const accepted = await done(
    municipality.POST("/own/referrals/{referral}/events", {
      params: { header: { ...nina, ...accept.headers }, path: { referral } },
      body: accept.body,
    }),
  );
  console.log(`municipality: ${referral} is ${accepted.state}`);

  const form = once("green-form", record<Schemas["GreenForm"]>("green-form.json"));
  const answered = await done(
    municipality.POST("/own/green-forms", { params: { header: { ...nina, ...form.headers } }, body: form.body }),
  );
  console.log(`municipality: ${referral} is ${answered.state}`);

  await until("the green form at the hospital", async () => {
    const found = await done(
      hospital.GET("/own/referrals/{referral}", { params: { header: doctor, path: { referral } } }),
    );
    return found.state === "confirmed" ? found : undefined;
  });
  console.log(`hospital: ${referral} is confirmed`);

  const steps = await all((cursor) =>
    done(
      hospital.GET("/own/referrals/{referral}/evidence", {
        params: { header: doctor, path: { referral }, query: { limit: 2, cursor } },
      }),
    ),
  );
  for (const step of steps) {
    console.log(`hospital: step ${step.number}: ${step.event} by ${step.by?.name ?? step.raised_by}`);
  }
}

/** Does one thing with a loop at one side, or is told why not. */
export async function act(side: "hospital" | "municipality", referral: string, event: Schemas["EventKind"]) {
  const shown = await done(
    ownClient(side).POST("/own/referrals/{referral}/events", {
      params: { header: nina, path: { referral } },
      body: { event },
    }),
  );
  console.log(`${side}: ${referral} is ${shown.state}`);
}
