"""What documents are made with: pictures of plain shapes, fonts of the machine, paper (PDF), files there whole or not at all."""
