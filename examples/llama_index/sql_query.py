"""A question becomes one SQL query, its rows become an answer: `NLSQLTableQueryEngine`; the database is read-only.

python -m examples.llama_index.sql_query "How many time zones are in Brazil?"
"""

from __future__ import annotations

from llama_index.core import MockEmbedding, SQLDatabase
from llama_index.core.query_engine import NLSQLTableQueryEngine

from examples.support import connection
from examples.support.database import options
from examples.support.waiting import working
from llama_index_oxen import Oxen

given = options(__doc__)
database = SQLDatabase(given.engine, include_tables=given.tables)
llm = Oxen(**connection(), temperature=0, max_tokens=200)
unused = MockEmbedding(1)  # the tables are named, not looked for by their meaning
tables = list(database.get_usable_table_names())
query_engine = NLSQLTableQueryEngine(database, llm=llm, tables=tables, embed_model=unused)

print(given.question)
with working("The model writes SQL"):
    response = query_engine.query(given.question)
sql, rows = (response.metadata or {})["sql_query"], response.source_nodes[0].text  # or why the query failed
print(f"  {sql}\n  {rows[:300]}\n{response}")
