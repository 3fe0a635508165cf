// The shop window: lists the products and takes orders, through the two services behind the load balancer.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { html } from "hono/html";

const productServiceUrl = process.env.PRODUCT_SERVICE_URL;
const orderServiceUrl = process.env.ORDER_SERVICE_URL;
const missing = Object.entries({ PRODUCT_SERVICE_URL: productServiceUrl, ORDER_SERVICE_URL: orderServiceUrl })
  .filter(([, value]) => !value)
  .map(([name]) => name);
if (missing.length > 0) {
  console.error(`frontend cannot start: set ${missing.join(" and ")}`);
  process.exit(1);
}

async function ask(url, options = {}) {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000), ...options });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

const app = new Hono();

// Says only that this process serves: a load balancer that also asked the back end would take the shop window
// down together with it.
app.get("/health", (context) => context.json({ status: "ok" }));

app.get("/", async (context) => {
  const products = await ask(`${productServiceUrl}/products/`);
  const rows = products.map(
    (product) => html`<li>${product.name}: $${(product.price_cents / 100).toFixed(2)}
      <form method="post" action="/buy/${product.id}"><button>Buy</button></form></li>`,
  );
  return context.html(html`<!doctype html><title>Shop</title><h1>Shop</h1><ul>${rows}</ul>`);
});

app.post("/buy/:product{[0-9]+}", async (context) => {
  const order = await ask(`${orderServiceUrl}/orders/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ product_id: Number(context.req.param("product")), quantity: 1 }),
  });
  return context.html(html`<!doctype html><title>Thank you</title><p>Order ${order.id} is placed.</p>`);
});

app.onError((error, context) => {
  console.error(`${context.req.method} ${context.req.path} failed: ${error.message}`);
  return context.text("The shop is not available right now. Please try again in a minute.", 503);
});

const port = Number(process.env.PORT ?? 3000);
const server = serve({ fetch: app.fetch, port }, () => console.log(`frontend listens on ${port}`));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
