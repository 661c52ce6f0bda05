"""The latest texts of chosen traces, for the statements that show them."""

# A part of statements in which ``chosen`` holds trace ids and their times.
TEXTS_OF_CHOSEN = """
    SELECT document_id,
        argMax(content, (rendering = {minimal:String}, inserted_at)) AS content,
        argMax(metadata, (rendering = {minimal:String}, inserted_at)) AS metadata,
        JSONExtractString(metadata, 'opening') AS opening
    FROM document_embeddings
    WHERE team_id = {team_id:Int64} AND startsWith(rendering, {prefix:String})
        AND timestamp >= (SELECT min(timestamp) FROM chosen)
        AND timestamp <= (SELECT max(timestamp) FROM chosen)
        AND document_id IN (SELECT trace_id FROM chosen)
    GROUP BY document_id
"""
