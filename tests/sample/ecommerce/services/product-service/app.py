"""The product service: the catalogue of the shop, kept in PostgreSQL."""

import logging
import os

import psycopg
from flask import Flask, jsonify
from psycopg.rows import dict_row

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
app = Flask(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text    NOT NULL UNIQUE,
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);
INSERT INTO products (name, price_cents) VALUES ('Teapot', 2450), ('Cup', 690) ON CONFLICT DO NOTHING;
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


@app.get("/health")
def health():
    """Says only that this process serves: a database outage must not make ECS restart every task."""
    return jsonify(status="ok")


@app.get("/products/")
def list_products():
    with connect() as connection:
        return jsonify(connection.execute("SELECT id, name, price_cents FROM products ORDER BY id").fetchall())


@app.get("/products/<int:product_id>")
def get_product(product_id: int):
    with connect() as connection:
        query = "SELECT id, name, price_cents FROM products WHERE id = %s"
        product = connection.execute(query, (product_id,)).fetchone()
    if product is None:
        return jsonify(error=f"no product {product_id}"), 404
    return jsonify(product)


@app.errorhandler(psycopg.OperationalError)
def database_unreachable(error: psycopg.OperationalError):
    app.logger.exception("database not reachable", exc_info=error)
    return jsonify(error="the catalogue is not available"), 503
