// oidc-provider as an authorisation server: `node server.mjs PORT JWK AUDIENCE NONCE`, JWK the client's public key.
// It gives access tokens as JWT, bound by DPoP where the client shows a proof; with NONCE `nonce` it wants its nonce.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import Provider from "oidc-provider";

const [, , port, jwk, audience, nonce] = process.argv;
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
const signing = { ...privateKey.export({ format: "jwk" }), kid: "server", use: "sig", alg: "ES384" };
const scope = "system/*.rs system/*.cruds";

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "nordvik-ip",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      scope,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES384",
      id_token_signed_response_alg: "ES384",
      jwks: { keys: [JSON.parse(jwk)] },
    },
  ],
  jwks: { keys: [signing] },
  scopes: scope.split(" "),
  clientAuthMethods: ["private_key_jwt"],
  enabledJWA: { clientAuthSigningAlgValues: ["ES384", "RS384"], idTokenSigningAlgValues: ["ES384"], dPoPSigningAlgValues: ["ES256", "ES384"] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => nonce === "nonce" },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: () => ({
        scope,
        audience,
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: "ES384" } },
      }),
    },
  },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
