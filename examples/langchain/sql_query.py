"""A question becomes one SQL query, its rows become an answer; the database is read-only.

python -m examples.langchain.sql_query "How many time zones are in Brazil?"
"""

from __future__ import annotations

from langchain_community.utilities import SQLDatabase
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from pydantic import BaseModel, Field

from examples.support import connection
from examples.support.database import options
from examples.support.waiting import working
from langchain_oxen import ChatOxen


class Query(BaseModel):
    """One query in SQLite's SQL."""

    sql: str = Field(max_length=400)


given = options(__doc__)
database = SQLDatabase(given.engine, include_tables=given.tables, sample_rows_in_table_info=1)
model = ChatOxen(**connection(), temperature=0, max_tokens=200)
write = ChatPromptTemplate.from_template("{tables}\n\nWrite one SQLite query that answers: {question}")
read = ChatPromptTemplate.from_template("{question}\nQuery: {sql}\nResult: {rows}\nAnswer in one sentence.")

chain = (
    RunnablePassthrough.assign(tables=lambda _: database.get_table_info())
    .assign(sql=write | model.with_structured_output(Query, method="json_schema") | (lambda query: query.sql))
    .assign(rows=lambda held: database.run_no_throw(held["sql"]))
    .assign(answer=read | model | StrOutputParser())
)

print(given.question)
with working("The model writes SQL"):
    held = chain.invoke({"question": given.question})
print(f"  {held['sql']}\n  {held['rows'][:300]}\n{held['answer']}")
