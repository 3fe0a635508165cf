"""The order service: takes orders for products of the product service and keeps them in PostgreSQL."""

import json
import logging
import os
import urllib.error
import urllib.request

import psycopg
from flask import Flask, jsonify, request
from psycopg.rows import dict_row

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
app = Flask(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  integer     NOT NULL,
    quantity    integer     NOT NULL CHECK (quantity > 0),
    total_cents integer     NOT NULL CHECK (total_cents >= 0),
    created_at  timestamptz NOT NULL DEFAULT now()
);
"""


def connect() -> psycopg.Connection:
    """A connection that gives up after five seconds: a request must not hang on a closed port."""
    return psycopg.connect(
        host=os.environ["DB_HOST"],
        port=os.environ["DB_PORT"],
        dbname=os.environ["DB_NAME"],
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        connect_timeout=5,
        row_factory=dict_row,
    )


def prepare() -> None:
    """Make the table where it is missing; run once by the server before it serves."""
    with connect() as connection:
        connection.execute(SCHEMA)


def find_product(product_id: int) -> dict | None:
    """The product as the product service tells it, None where it has no such product."""
    url = f"{os.environ['PRODUCT_SERVICE_URL']}/products/{product_id}"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise


@app.get("/health")
def health():
    """Says only that this process serves: a database outage must not make ECS restart every task."""
    return jsonify(status="ok")


@app.get("/orders/")
def list_orders():
    with connect() as connection:
        query = "SELECT id, product_id, quantity, total_cents FROM orders ORDER BY id DESC LIMIT 100"
        return jsonify(connection.execute(query).fetchall())


@app.post("/orders/")
def place_order():
    wanted = request.get_json(silent=True) or {}
    product_id, quantity = wanted.get("product_id"), wanted.get("quantity")
    if type(product_id) is not int or type(quantity) is not int or quantity < 1:
        return jsonify(error="send a product_id and a quantity of at least 1"), 400
    product = find_product(product_id)
    if product is None:
        return jsonify(error=f"no product {product_id}"), 404
    query = "INSERT INTO orders (product_id, quantity, total_cents) VALUES (%s, %s, %s) RETURNING id, total_cents"
    with connect() as connection:
        order = connection.execute(query, (product_id, quantity, quantity * product["price_cents"])).fetchone()
    return jsonify(order), 201


@app.errorhandler(psycopg.OperationalError)
def database_unreachable(error: psycopg.OperationalError):
    app.logger.exception("database not reachable", exc_info=error)
    return jsonify(error="orders are not available"), 503


@app.errorhandler(urllib.error.URLError)
def products_unreachable(error: urllib.error.URLError):
    app.logger.exception("product service not reachable", exc_info=error)
    return jsonify(error="the catalogue is not available"), 503
