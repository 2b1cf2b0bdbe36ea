"""A question becomes one SQL query, its rows become an answer: `NLSQLTableQueryEngine`; the database is read-only.

python -m examples.llama_index.sql_query "How many time zones are in Brazil?"
"""

from __future__ import annotations

import sys

from llama_index.core import MockEmbedding, SQLDatabase
from llama_index.core.query_engine import NLSQLTableQueryEngine

from examples.support import connection
from examples.support.timezones import engine
from examples.support.waiting import working
from llama_index_oxen import Oxen

TABLES = ["country", "zone", "zone_country"]

question = " ".join(sys.argv[1:]) or "How many rows has the table zone?"
database = SQLDatabase(engine(), include_tables=TABLES)
llm = Oxen(**connection(), temperature=0, max_tokens=200)
unused = MockEmbedding(1)  # the tables are named, not looked for by their meaning
query_engine = NLSQLTableQueryEngine(database, llm=llm, tables=TABLES, embed_model=unused)

print(question)
with working("The model writes SQL"):
    response = query_engine.query(question)
made = response.metadata or {}
print(f"  {made['sql_query']}\n  {str(made.get('result'))[:300]}\n{response}")
